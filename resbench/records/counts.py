"""What a network costs: exact, and the same on every machine."""

from dataclasses import dataclass, field

from resbench.records.bounds import Natural, Pixel, Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Integer tallies of one forward pass of one image; every FLOP convention is a row of coefficients over them."""

    conv: Natural = 0  # multiply-adds of convolutions with learned filters
    blur: Natural = 0  # multiply-adds of convolutions with fixed filters (anti-aliasing)
    conv_bias: Natural = 0  # output elements of convolutions that add a bias
    fc: Natural = 0  # multiply-adds of the last linear layer: the classifier
    fc_bias: Natural = 0  # output elements of the last linear layer, if it adds a bias
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
    # What residual networks do not have, other classifiers do.
    linear: Natural = 0  # multiply-adds of the other linear layers
    linear_bias: Natural = 0  # output elements of the other linear layers that add a bias
    matmul: Natural = 0  # multiply-adds of matrix products (einsum included) that are no layers
    attention: Natural = 0  # multiply-adds of scaled dot-product attention
    norm: Natural = 0  # elements whose mean and variance are taken: layer, group, instance norms, training batch norms
    norm_affine: Natural = 0  # those of them that are scaled and shifted as well
    adaptive_in: Natural = 0  # elements that adaptive average pools other than the final one read
    mean_in: Natural = 0  # elements that a mean in the final pool's place reads
    interpolated: Natural = 0  # elements that interpolation reads: 1 per output of "nearest", 4 of "bilinear"

    @property
    def macs(self) -> int:
        """Multiply-adds of convolutions, linear layers and matrix products, biases not counted."""
        return self.conv + self.blur + self.fc + self.linear + self.matmul + self.attention


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a network, for one example: "3x224x224" of the network's own type, "77:int64"."""

    shape: tuple[Positive, ...]  # without the batch
    dtype: str = ""  # of torch; empty: the network's own

    def __str__(self) -> str:
        return "x".join(map(str, self.shape)) + (f":{self.dtype}" if self.dtype else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a network costs at one input size. Exact integers."""

    input_px: tuple[Pixel, Pixel]  # (height, width); of tokens (1, their number)
    params: Natural
    buffers: Natural  # elements of running statistics and counters
    weights_bytes: Natural  # parameters and buffers in fp32, counters in int64
    activations: Natural  # elements that convolutions and linear layers put out, one image
    terms: Terms
    traffic: Natural | None = None  # activation elements that convolutions, linear layers and pools move, one image
    receptive_field_px: tuple[Natural, Natural] | None = None  # of the last feature map, (height, width), without gates
    operators: Natural | None = None  # ATen operators that a forward pass dispatches, views and empty tensors left out
    inputs: tuple[Input, ...] = ()  # where they were declared; empty: one RGB image of `input_px`
    uncounted: dict[str, Natural] = field(default_factory=dict)  # calls of operators that may multiply, uncosted

    def bytes_moved(self, batch_size: int = 1, element_bytes: int = 4) -> int | None:
        """Return the least memory traffic of a forward pass that runs layer by layer.

        Every parameter is read once, every input and output of a convolution, linear layer or pool is read or written
        once, and all else (batch norm, ReLU, additions, gates) is fused into them.
        """
        return None if self.traffic is None else element_bytes * (self.params + batch_size * self.traffic)
