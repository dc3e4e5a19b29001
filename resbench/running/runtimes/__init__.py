"""Files of networks that programs other than eager torch run: ONNX, OpenVINO, torch.export. One module per format."""
