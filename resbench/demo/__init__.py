"""What `resbench demo` needs: drawn images, a small network, and its training."""
