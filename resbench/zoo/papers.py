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
RESNET_V2 = Paper(
    title="Identity Mappings in Deep Residual Networks",
    url="https://arxiv.org/abs/1603.05027",
    bibtex="""@inproceedings{he2016identity,
  title={Identity Mappings in Deep Residual Networks},
  author={He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  booktitle={European Conference on Computer Vision},
  pages={630--645},
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
WIDE = Paper(
    title="Wide Residual Networks",
    url="https://arxiv.org/abs/1605.07146",
    bibtex="""@inproceedings{zagoruyko2016wide,
  title={Wide Residual Networks},
  author={Zagoruyko, Sergey and Komodakis, Nikos},
  booktitle={British Machine Vision Conference},
  year={2016}
}""",
)
WEAKLY_SUPERVISED = Paper(
    title="Exploring the Limits of Weakly Supervised Pretraining",
    url="https://arxiv.org/abs/1805.00932",
    bibtex="""@inproceedings{mahajan2018exploring,
  title={Exploring the Limits of Weakly Supervised Pretraining},
  author={Mahajan, Dhruv and Girshick, Ross and Ramanathan, Vignesh and He, Kaiming and Paluri, Manohar and Li, Yixuan
    and Bharambe, Ashwin and van der Maaten, Laurens},
  booktitle={European Conference on Computer Vision},
  pages={181--196},
  year={2018}
}""",
)
BAG_OF_TRICKS = Paper(
    title="Bag of Tricks for Image Classification with Convolutional Neural Networks",
    url="https://arxiv.org/abs/1812.01187",
    bibtex="""@inproceedings{he2019bag,
  title={Bag of Tricks for Image Classification with Convolutional Neural Networks},
  author={He, Tong and Zhang, Zhi and Zhang, Hang and Zhang, Zhongyue and Xie, Junyuan and Li, Mu},
  booktitle={IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages={558--567},
  year={2019}
}""",
)
ANTI_ALIAS = Paper(
    title="Making Convolutional Networks Shift-Invariant Again",
    url="https://arxiv.org/abs/1904.11486",
    bibtex="""@inproceedings{zhang2019making,
  title={Making Convolutional Networks Shift-Invariant Again},
  author={Zhang, Richard},
  booktitle={International Conference on Machine Learning},
  pages={7324--7334},
  year={2019}
}""",
)
INCEPTION_RESNET = Paper(
    title="Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    url="https://arxiv.org/abs/1602.07261",
    bibtex="""@inproceedings{szegedy2017inception,
  title={Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning},
  author={Szegedy, Christian and Ioffe, Sergey and Vanhoucke, Vincent and Alemi, Alexander A.},
  booktitle={AAAI Conference on Artificial Intelligence},
  pages={4278--4284},
  year={2017}
}""",
)
ECA = Paper(
    title="ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks",
    url="https://arxiv.org/abs/1910.03151",
    bibtex="""@inproceedings{wang2020eca,
  title={{ECA}-Net: Efficient Channel Attention for Deep Convolutional Neural Networks},
  author={Wang, Qilong and Wu, Banggu and Zhu, Pengfei and Li, Peihua and Zuo, Wangmeng and Hu, Qinghua},
  booktitle={IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year={2020}
}""",
)
SK = Paper(
    title="Selective Kernel Networks",
    url="https://arxiv.org/abs/1903.06586",
    bibtex="""@inproceedings{li2019selective,
  title={Selective Kernel Networks},
  author={Li, Xiang and Wang, Wenhai and Hu, Xiaolin and Yang, Jian},
  booktitle={IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages={510--519},
  year={2019}
}""",
)
RES2NET = Paper(
    title="Res2Net: A New Multi-Scale Backbone Architecture",
    url="https://arxiv.org/abs/1904.01169",
    bibtex="""@article{gao2021res2net,
  title={Res2Net: A New Multi-Scale Backbone Architecture},
  author={Gao, Shang-Hua and Cheng, Ming-Ming and Zhao, Kai and Zhang, Xin-Yu and Yang, Ming-Hsuan and Torr, Philip},
  journal={IEEE Transactions on Pattern Analysis and Machine Intelligence},
  volume={43},
  number={2},
  pages={652--662},
  year={2021}
}""",
)
RESNEST = Paper(
    title="ResNeSt: Split-Attention Networks",
    url="https://arxiv.org/abs/2004.08955",
    bibtex="""@inproceedings{zhang2022resnest,
  title={{ResNeSt}: Split-Attention Networks},
  author={Zhang, Hang and Wu, Chongruo and Zhang, Zhongyue and Zhu, Yi and Lin, Haibin and Zhang, Zhi and Sun, Yue
    and He, Tong and Mueller, Jonas and Manmatha, R. and Li, Mu and Smola, Alexander},
  booktitle={IEEE/CVF Conference on Computer Vision and Pattern Recognition Workshops},
  pages={2736--2746},
  year={2022}
}""",
)
UNPUBLISHED = Paper(title="", url="", bibtex="")  # of a network that somebody has for himself
# Of libraries whose networks are built by their own code.
LIBRARIES = {
    "timm": Paper(
        title="PyTorch Image Models",
        url="https://github.com/huggingface/pytorch-image-models",
        bibtex="""@misc{rw2019timm,
  author={Wightman, Ross},
  title={PyTorch Image Models},
  year={2019},
  publisher={GitHub},
  howpublished={\\url{https://github.com/huggingface/pytorch-image-models}}
}""",
    ),
    "torchvision": Paper(
        title="TorchVision: PyTorch's Computer Vision library",
        url="https://github.com/pytorch/vision",
        bibtex="""@misc{torchvision2016,
  title={{TorchVision}: {PyTorch}'s Computer Vision library},
  author={{TorchVision maintainers and contributors}},
  year={2016},
  publisher={GitHub},
  howpublished={\\url{https://github.com/pytorch/vision}}
}""",
    ),
}
