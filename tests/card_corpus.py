"""Cards in the formats that people publish, true in every figure: the ground that lies are planted in.

The figures are those that timm and Open-MMLab published; the words are ours.
"""

from pathlib import Path

SERESNEXT = (Path(__file__).parent / "data" / "seresnext_model_index.yml").read_text(encoding="utf-8")
TIMM = f"# Three networks with gates\n\nA page in the manner of timm's.\n\n<!--\n{SERESNEXT}-->\n"
# Its last network alone, for what is done many times.
TIMM_ONE = TIMM[: TIMM.index("- Name: gluon_seresnext101_32x4d")] + TIMM[TIMM.index("- Name: gluon_seresnext50") :]

_ROWS = (
    ("resnext50-32x4d_8xb32_in1k", 25.03, 4.27, "77.90", 93.66, "50_32x4d_b32x8_imagenet_20210429-56066e27.pth"),
    ("resnext101-32x4d_8xb32_in1k", 44.18, 8.03, "78.61", 94.17, "101_32x4d_b32x8_imagenet_20210506-e0fa3dd5.pth"),
    ("resnext101-32x8d_8xb32_in1k", 88.79, 16.5, "79.27", 94.58, "101_32x8d_b32x8_imagenet_20210506-23a247d5.pth"),
    ("resnext152-32x4d_8xb32_in1k", 59.95, 11.8, "78.88", 94.33, "152_32x4d_b32x8_imagenet_20210524-927787be.pth"),
)  # fmt: skip
_BASE = "https://download.openmmlab.com/mmclassification/v0/resnext/resnext"

README = """# Grouped residual networks

| Model | Params (M) | Flops (G) | Top-1 (%) | Top-5 (%) | Config | Download |
| :---- | :--------: | :-------: | :-------: | :-------: | :----: | :------: |
""" + "".join(
    f"| `{name}` | {params} | {flops} | {top1} | {top5} | [config]({name}.py) | [model]({_BASE}{file}) |\n"
    for name, params, flops, top1, top5, file in _ROWS
)

METAFILE = """Collections:
- Name: ResNeXt
  Paper:
    Title: Aggregated Residual Transformations for Deep Neural Networks
    URL: https://arxiv.org/abs/1611.05431
  README: configs/resnext/README.md
Models:
""" + "".join(
    f"""- Name: {name}
  Metadata:
    FLOPs: {round(flops * 1e9)}
    Parameters: {round(params * 1e6)}
  In Collection: ResNeXt
  Results:
  - Dataset: ImageNet-1k
    Metrics:
      Top 1 Accuracy: {top1}
      Top 5 Accuracy: {top5}
    Task: Image Classification
  Weights: {_BASE}{file}
  Config: configs/resnext/{name}.py
"""
    for name, params, flops, top1, top5, file in _ROWS
)

HUB = """---
license: apache-2.0
library_name: resbench
pipeline_tag: image-classification
tags:
- image-classification
model-index:
- name: gluon_seresnext50_32x4d
  results:
  - task:
      type: image-classification
    dataset:
      type: imagenet-1k
      name: ImageNet
      config: 224 px
    metrics:
    - type: accuracy
      name: Top-1 accuracy
      value: 79.92
    - type: top_5_accuracy
      name: Top-5 accuracy
      value: 94.82
---

# gluon_seresnext50_32x4d

| Model | Params | MACs |
| --- | --- | --- |
| gluon_seresnext50_32x4d | 27.56M | 4.23G |
"""

LISTS = """# Model card for resnet50.a3_in1k

A list in the manner of timm's cards at the hub, whose first size is the one that was trained at.

- **Model Stats:**
  - Params (M): 25.6
  - GMACs: 2.1
  - Activations (M): 5.7
  - Image size: train = 160 x 160, test = 224 x 224

| model | img_size | top1 | top5 | gmacs |
| --- | --- | --- | --- | --- |
| [resnet50.a1_in1k](https://huggingface.co/timm/resnet50.a1_in1k) | 288 | 81.22 | 95.11 | 6.8 |
| [resnet50.tv_in1k](https://huggingface.co/timm/resnet50.tv_in1k) | 224 | 76.13 | 92.86 | 4.1 |
"""


def mmpretrain(folder: Path, *, readme: str = README, metafile: str = METAFILE) -> Path:
    """Lay out a folder as MMPretrain does; return its root."""
    home = folder / "configs" / "resnext"
    home.mkdir(parents=True)
    (home / "README.md").write_text(readme, encoding="utf-8")
    (home / "metafile.yml").write_text(metafile, encoding="utf-8")
    for name, *_ in _ROWS:
        (home / f"{name}.py").write_text("", encoding="utf-8")
    (folder / "model-index.yml").write_text("Import:\n- configs/resnext/metafile.yml\n", encoding="utf-8")
    return folder
