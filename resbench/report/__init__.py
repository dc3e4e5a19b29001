"""What people and other programs are shown: tables, progress, findings, exports."""
