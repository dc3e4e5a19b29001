"""Latency, throughput, memory: sampling loops and the devices that they run on."""
