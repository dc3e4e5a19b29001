"""What a network costs: exact, and the same on every machine."""

from dataclasses import dataclass

from resbench.records.bounds import Natural, Pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Integer tallies of one forward pass of one image; every FLOP convention is a row of coefficients over them."""

    conv: Natural = 0  # multiply-adds of convolutions with learned filters
    blur: Natural = 0  # multiply-adds of convolutions with fixed filters (anti-aliasing)
    conv_bias: Natural = 0  # output elements of convolutions that add a bias
    fc: Natural = 0  # multiply-adds of linear layers
    fc_bias: Natural = 0  # output elements of linear layers that add a bias
    bn: Natural = 0  # elements normalised by batch norm
    relu: Natural = 0  # elements that ReLUs put out
    maxpool_in: Natural = 0  # elements that max pools read
    avgpool_in: Natural = 0  # elements that average pools read
    avgpool_out: Natural = 0
    gap_in: Natural = 0  # elements that the final global average pool reads
    gap_out: Natural = 0
    se_in: Natural = 0  # elements that squeezes (global means inside blocks) read
    # What only thop before 2020 counts. None: a record from before resbench counted them.
    bias_macs: Natural | None = None  # multiply-adds at one place of the kernel, of convolutions that add a bias
    relu_last: Natural | None = None  # elements that the last ReLU module of each block puts out
    maxpool_side: Natural | None = None  # outputs of max pools, each times one side of its window
    avgpool_side: Natural | None = None

    @property
    def macs(self) -> int:
        """Multiply-adds of convolutions and linear layers, biases not counted."""
        return self.conv + self.blur + self.fc


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a network costs at one input size. Exact integers."""

    input_px: tuple[Pixel, Pixel]  # (height, width)
    params: Natural
    buffers: Natural  # elements of running statistics and counters
    weights_bytes: Natural  # parameters and buffers in fp32, counters in int64
    activations: Natural  # elements that convolutions and linear layers put out, one image
    terms: Terms
    traffic: Natural | None = None  # activation elements that convolutions, linear layers and pools move, one image
    receptive_field_px: tuple[Natural, Natural] | None = None  # of the last feature map, (height, width), without gates
    operators: Natural | None = None  # ATen operators that a forward pass dispatches, views and empty tensors left out

    def bytes_moved(self, batch_size: int = 1, element_bytes: int = 4) -> int | None:
        """Return the least memory traffic of a forward pass that runs layer by layer.

        Every parameter is read once, every input and output of a convolution, linear layer or pool is read or written
        once, and all else (batch norm, ReLU, additions, gates) is fused into them.
        """
        return None if self.traffic is None else element_bytes * (self.params + batch_size * self.traffic)
