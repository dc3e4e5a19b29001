"""Where the architectures were published."""

from resbench.zoo.spec import Paper

RESNET = Paper(
    title="Deep Residual Learning for Image Recognition",
    url="https://arxiv.org/abs/1512.03385",
    bibtex="""@inproceedings{he2016deep,
  title={Deep Residual Learning for Image Recognition},
  author={He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition},
  pages={770--778},
  year={2016}
}""",
)
RESNEXT = Paper(
    title="Aggregated Residual Transformations for Deep Neural Networks",
    url="https://arxiv.org/abs/1611.05431",
    bibtex="""@inproceedings{xie2017aggregated,
  title={Aggregated Residual Transformations for Deep Neural Networks},
  author={Xie, Saining and Girshick, Ross and Doll{\\'a}r, Piotr and Tu, Zhuowen and He, Kaiming},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition},
  pages={1492--1500},
  year={2017}
}""",
)
SENET = Paper(
    title="Squeeze-and-Excitation Networks",
    url="https://arxiv.org/abs/1709.01507",
    bibtex="""@misc{hu2019squeezeandexcitation,
  title={Squeeze-and-Excitation Networks},
  author={Jie Hu and Li Shen and Samuel Albanie and Gang Sun and Enhua Wu},
  year={2019},
  eprint={1709.01507},
  archivePrefix={arXiv},
  primaryClass={cs.CV}
}""",
)
