"""Taking time: sampling loops, interleaved runs, contests, clocks, telemetry, ceilings."""
