"""What `resbench demo` needs: drawn images, a small network, and its training."""

NETWORK, WEIGHTS, IMAGES = "demonet.py", "demonet.safetensors", "val"  # what it makes in its folder
