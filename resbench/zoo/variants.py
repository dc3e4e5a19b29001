"""The table of networks. A row is a network; everything else (list, README, cards, tests) iterates over it.

Names are timm's where timm has the architecture, and GluonCV's for `_v1`, which timm does not have. `_cifar10`,
`_cifar100` and `_cub` say the data set of the others.
"""

from functools import partial

from resbench.zoo import papers
from resbench.zoo.spec import InceptionResNetSpec, LegacySENetSpec, ResNetSpec, ResNetV2Spec, Variant

Depths = tuple[int, int, int, int]

# Stage depths of He et al. 2015, table 1, and those that others added.
D14: Depths = (1, 1, 1, 1)  # 10 layers as basic blocks
D18: Depths = (2, 2, 2, 2)  # 26 layers as bottlenecks
D34: Depths = (3, 4, 6, 3)  # 50 layers as bottlenecks
D101: Depths = (3, 4, 23, 3)
D152: Depths = (3, 8, 36, 3)
D200: Depths = (3, 24, 36, 3)
D269: Depths = (3, 30, 48, 8)
D26, D50 = D18, D34

Basic = partial(ResNetSpec, block="basic")
Bottleneck = partial(ResNetSpec, block="bottleneck")
BottleneckV1 = partial(Bottleneck, stride_on="1x1")
BasicD = partial(Basic, stem="deep", shortcut="avg_pool")
BottleneckD = partial(Bottleneck, stem="deep", shortcut="avg_pool")
BasicT = partial(Basic, stem="deep_tiered", shortcut="avg_pool")
BottleneckT = partial(Bottleneck, stem="deep_tiered", shortcut="avg_pool")
PreActivationBasic = partial(ResNetV2Spec, block="basic")
PreActivationBasicD = partial(PreActivationBasic, stem="deep", shortcut="avg_pool")
PreActivationBottleneck = partial(ResNetV2Spec, block="bottleneck")
SelectiveBasic = partial(ResNetSpec, block="sk_basic")
Res2Net = partial(ResNetSpec, block="res2net")
ResNeStD = partial(ResNetSpec, block="resnest", stem="deep", shortcut="avg_pool", splits=2)
ResNeStE = partial(ResNetSpec, block="resnest", stem="deep_wide", shortcut="avg_pool", splits=2)
ResNeStFast = partial(ResNetSpec, block="resnest_fast", stem="deep", shortcut="avg_pool")
BasicCifar = partial(Basic, stem="conv3", planes=16, shortcut="pad")

ResNet = partial(Variant, family="ResNet", paper=papers.RESNET)
ResNetV1 = partial(
    ResNet,
    about="The stride is on the first 1x1 convolution of a block, as in the paper and in Keras' ResNet models; "
    "torchvision and timm have it on the 3x3. The weights of either load into the other.",
)
ResNetV2 = partial(
    Variant,
    family="ResNet v2",
    paper=papers.RESNET_V2,
    about="Norms and ReLUs are in front of the convolutions. A bottleneck has its stride on the 3x3 as in timm (in the "
    "paper on the first 1x1), and the classifier is a 1x1 convolution behind the pool.",
)
Cifar = partial(
    Variant,
    family="ResNet for CIFAR",
    paper=papers.RESNET,
    input_px=32,
    classes=10,
    about="The ImageNet network on 32 px, as MMPretrain has it: a 3x3 convolution instead of the stem, and no pool.",
)
SmallCifar = partial(
    Cifar,
    about="The network of the paper's section 4.2: 6n + 2 layers, 16 to 64 channels, shortcuts without parameters.",
)
Plain = partial(
    Variant,
    family="Plain network",
    paper=papers.RESNET,
    about="A residual network without its shortcuts: what the paper compared residual learning with.",
)
ResNetC = partial(Variant, family="ResNet-C", paper=papers.BAG_OF_TRICKS)
ResNetD = partial(Variant, family="ResNet-D", paper=papers.BAG_OF_TRICKS)
ResNetS = partial(Variant, family="ResNet-S", paper=papers.BAG_OF_TRICKS)
ResNetT = partial(Variant, family="ResNet-T", paper=papers.BAG_OF_TRICKS)
Blur = partial(Variant, family="Anti-aliased ResNet", paper=papers.ANTI_ALIAS)
Wide = partial(Variant, family="Wide ResNet", paper=papers.WIDE)
ResNeXt = partial(Variant, family="ResNeXt", paper=papers.RESNEXT)
ResNeXtWsl = partial(Variant, family="ResNeXt", paper=papers.WEAKLY_SUPERVISED)
SEResNet = partial(Variant, family="SE-ResNet", paper=papers.SENET)
SEResNeXt = partial(Variant, family="SE-ResNeXt", paper=papers.SENET)
SENet = partial(Variant, family="SENet", paper=papers.SENET)
Legacy = partial(
    Variant,
    family="Legacy SENet",
    paper=papers.SENET,
    about="The arithmetic that its authors released in Caffe; networks without legacy in their names follow today's.",
)
Inception = partial(Variant, family="Inception-ResNet", paper=papers.INCEPTION_RESNET, input_px=299)
ECA = partial(Variant, family="ECA-ResNet", paper=papers.ECA)
SK = partial(Variant, family="SK-ResNet", paper=papers.SK)
Multiscale = partial(Variant, family="Res2Net", paper=papers.RES2NET)
ResNeSt = partial(Variant, family="ResNeSt", paper=papers.RESNEST)

VARIANTS: tuple[Variant, ...] = (
    # He et al. 2015
    ResNet(name="resnet18", spec=Basic(depths=D18)),
    ResNet(name="resnet26", spec=Bottleneck(depths=D26)),
    ResNet(name="resnet34", spec=Basic(depths=D34)),
    ResNet(name="resnet50", spec=Bottleneck(depths=D50)),
    ResNet(name="resnet101", spec=Bottleneck(depths=D101)),
    ResNet(name="resnet152", spec=Bottleneck(depths=D152)),
    ResNet(name="resnet200", spec=Bottleneck(depths=D200)),
    ResNetV1(name="resnet50_v1", spec=BottleneckV1(depths=D50)),
    ResNetV1(name="resnet101_v1", spec=BottleneckV1(depths=D101)),
    ResNetV1(name="resnet152_v1", spec=BottleneckV1(depths=D152)),
    ResNet(
        name="resnet50_cub",
        spec=Bottleneck(depths=D50),
        input_px=448,
        classes=200,
        about="ResNet-50 for the 200 birds of CUB-200-2011.",
    ),
    Plain(name="plain18", spec=ResNetSpec(block="plain", depths=D18)),
    Plain(name="plain34", spec=ResNetSpec(block="plain", depths=D34)),
    # He et al. 2016
    ResNetV2(name="resnetv2_18", spec=PreActivationBasic(depths=D18)),
    ResNetV2(name="resnetv2_18d", spec=PreActivationBasicD(depths=D18)),
    ResNetV2(name="resnetv2_34", spec=PreActivationBasic(depths=D34)),
    ResNetV2(name="resnetv2_34d", spec=PreActivationBasicD(depths=D34)),
    ResNetV2(name="resnetv2_50", spec=PreActivationBottleneck(depths=D50)),
    ResNetV2(name="resnetv2_101", spec=PreActivationBottleneck(depths=D101)),
    ResNetV2(name="resnetv2_152", spec=PreActivationBottleneck(depths=D152)),
    ResNetV2(name="resnetv2_200", spec=PreActivationBottleneck(depths=D200)),
    # He et al. 2015, section 4.2
    SmallCifar(name="resnet20_cifar10", spec=BasicCifar(depths=(3, 3, 3))),
    SmallCifar(name="resnet32_cifar10", spec=BasicCifar(depths=(5, 5, 5))),
    SmallCifar(name="resnet44_cifar10", spec=BasicCifar(depths=(7, 7, 7))),
    SmallCifar(name="resnet56_cifar10", spec=BasicCifar(depths=(9, 9, 9))),
    SmallCifar(name="resnet110_cifar10", spec=BasicCifar(depths=(18, 18, 18))),
    # MMPretrain: the ImageNet widths at 32 px
    Cifar(name="resnet18_cifar10", spec=Basic(depths=D18, stem="conv3")),
    Cifar(name="resnet34_cifar10", spec=Basic(depths=D34, stem="conv3")),
    Cifar(name="resnet50_cifar10", spec=Bottleneck(depths=D50, stem="conv3")),
    Cifar(name="resnet101_cifar10", spec=Bottleneck(depths=D101, stem="conv3")),
    Cifar(name="resnet152_cifar10", spec=Bottleneck(depths=D152, stem="conv3")),
    Cifar(name="resnet50_cifar100", spec=Bottleneck(depths=D50, stem="conv3"), classes=100),
    # He et al. 2019 and GluonCV
    ResNetC(name="resnet50c", spec=Bottleneck(depths=D50, stem="deep")),
    ResNetC(name="resnet101c", spec=Bottleneck(depths=D101, stem="deep")),
    ResNetC(name="resnet152c", spec=Bottleneck(depths=D152, stem="deep")),
    ResNetD(name="resnet18d", spec=BasicD(depths=D18)),
    ResNetD(name="resnet26d", spec=BottleneckD(depths=D26)),
    ResNetD(name="resnet34d", spec=BasicD(depths=D34)),
    ResNetD(name="resnet50d", spec=BottleneckD(depths=D50)),
    ResNetD(name="resnet101d", spec=BottleneckD(depths=D101), input_px=256),
    ResNetD(name="resnet152d", spec=BottleneckD(depths=D152), input_px=256),
    ResNetD(name="resnet200d", spec=BottleneckD(depths=D200), input_px=256),
    ResNetS(name="resnet50s", spec=Bottleneck(depths=D50, stem="deep_wide")),
    ResNetS(name="resnet101s", spec=Bottleneck(depths=D101, stem="deep_wide")),
    ResNetS(name="resnet152s", spec=Bottleneck(depths=D152, stem="deep_wide")),
    ResNetT(name="resnet10t", spec=BasicT(depths=D14)),
    ResNetT(name="resnet14t", spec=BottleneckT(depths=D14)),
    ResNetT(name="resnet26t", spec=BottleneckT(depths=D26)),
    ResNetT(name="resnet50t", spec=BottleneckT(depths=D50)),
    # Zhang 2019
    Blur(name="resnetblur18", spec=Basic(depths=D18, anti_alias=True)),
    Blur(name="resnetblur50", spec=Bottleneck(depths=D50, anti_alias=True)),
    Blur(name="resnetblur50d", spec=BottleneckD(depths=D50, anti_alias=True)),
    Blur(name="resnetblur101d", spec=BottleneckD(depths=D101, anti_alias=True)),
    # Zagoruyko and Komodakis 2016
    Wide(name="wide_resnet50_2", spec=Bottleneck(depths=D50, width_per_group=128)),
    Wide(name="wide_resnet101_2", spec=Bottleneck(depths=D101, width_per_group=128)),
    # Xie et al. 2017, Mahajan et al. 2018
    ResNeXt(name="resnext50_32x4d", spec=Bottleneck(depths=D50, groups=32, width_per_group=4)),
    ResNeXt(name="resnext50d_32x4d", spec=BottleneckD(depths=D50, groups=32, width_per_group=4)),
    ResNeXt(name="resnext101_32x4d", spec=Bottleneck(depths=D101, groups=32, width_per_group=4)),
    ResNeXt(name="resnext101_32x8d", spec=Bottleneck(depths=D101, groups=32, width_per_group=8)),
    ResNeXt(name="resnext101_64x4d", spec=Bottleneck(depths=D101, groups=64, width_per_group=4)),
    ResNeXt(name="resnext152_32x4d", spec=Bottleneck(depths=D152, groups=32, width_per_group=4)),
    ResNeXtWsl(name="resnext101_32x16d", spec=Bottleneck(depths=D101, groups=32, width_per_group=16)),
    ResNeXtWsl(name="resnext101_32x32d", spec=Bottleneck(depths=D101, groups=32, width_per_group=32)),
    ResNeXtWsl(name="resnext101_32x48d", spec=Bottleneck(depths=D101, groups=32, width_per_group=48)),
    # Hu et al. 2018
    SEResNet(name="seresnet18", spec=Basic(depths=D18, squeeze="se")),
    SEResNet(name="seresnet34", spec=Basic(depths=D34, squeeze="se")),
    SEResNet(name="seresnet50", spec=Bottleneck(depths=D50, squeeze="se")),
    SEResNet(name="seresnet101", spec=Bottleneck(depths=D101, squeeze="se")),
    SEResNet(name="seresnet152", spec=Bottleneck(depths=D152, squeeze="se")),
    SEResNet(name="seresnet152d", spec=BottleneckD(depths=D152, squeeze="se"), input_px=256),
    SEResNeXt(name="seresnext26d_32x4d", spec=BottleneckD(depths=D26, groups=32, width_per_group=4, squeeze="se")),
    SEResNeXt(name="seresnext26t_32x4d", spec=BottleneckT(depths=D26, groups=32, width_per_group=4, squeeze="se")),
    SEResNeXt(name="seresnext50_32x4d", spec=Bottleneck(depths=D50, groups=32, width_per_group=4, squeeze="se")),
    SEResNeXt(name="seresnext101_32x4d", spec=Bottleneck(depths=D101, groups=32, width_per_group=4, squeeze="se")),
    SEResNeXt(name="seresnext101_32x8d", spec=Bottleneck(depths=D101, groups=32, width_per_group=8, squeeze="se")),
    SEResNeXt(name="seresnext101d_32x8d", spec=BottleneckD(depths=D101, groups=32, width_per_group=8, squeeze="se")),
    SEResNeXt(name="seresnext101_64x4d", spec=Bottleneck(depths=D101, groups=64, width_per_group=4, squeeze="se")),
    SENet(
        name="senet154",
        spec=ResNetSpec(block="senet", depths=D152, groups=64, width_per_group=4, stem="deep_wide", squeeze="se"),
    ),
    Legacy(name="legacy_seresnet18", spec=LegacySENetSpec(block="basic", depths=D18)),
    Legacy(name="legacy_seresnet34", spec=LegacySENetSpec(block="basic", depths=D34)),
    Legacy(name="legacy_seresnet50", spec=LegacySENetSpec(block="bottleneck", depths=D50)),
    Legacy(name="legacy_seresnet101", spec=LegacySENetSpec(block="bottleneck", depths=D101)),
    Legacy(name="legacy_seresnet152", spec=LegacySENetSpec(block="bottleneck", depths=D152)),
    Legacy(name="legacy_seresnext26_32x4d", spec=LegacySENetSpec(block="resnext", depths=D26, groups=32)),
    Legacy(name="legacy_seresnext50_32x4d", spec=LegacySENetSpec(block="resnext", depths=D50, groups=32)),
    Legacy(name="legacy_seresnext101_32x4d", spec=LegacySENetSpec(block="resnext", depths=D101, groups=32)),
    Legacy(name="legacy_senet154", spec=LegacySENetSpec(block="senet", depths=D152, groups=64)),
    # Szegedy et al. 2016
    Inception(
        name="inception_resnet_v1",
        spec=InceptionResNetSpec(
            repeats=(5, 10, 5),
            a=((32,), (32, 32), (32, 32, 32)),
            reduction_a=((384,), (192, 192, 256)),
            b=((128,), (128, 128, 128)),
            reduction_b=((256, 384), (256, 256), (256, 256, 256)),
            c=((192,), (192, 192, 192)),
        ),
        about="The network of the paper's figures; ports of FaceNet add a sixth C block and end in an embedding.",
    ),
    Inception(
        name="inception_resnet_v2",
        spec=InceptionResNetSpec(
            repeats=(10, 20, 9),
            a=((32,), (32, 32), (32, 48, 64)),
            reduction_a=((384,), (256, 256, 384)),
            b=((192,), (128, 160, 192)),
            reduction_b=((256, 384), (256, 288), (256, 288, 320)),
            c=((192,), (192, 224, 256)),
            slim=True,
        ),
        about="The network of tf.slim and its published weights: the paper's figures have another stem and widths.",
    ),
    # Wang et al. 2020
    ECA(name="ecaresnet26t", spec=BottleneckT(depths=D26, squeeze="eca"), input_px=256),
    ECA(name="ecaresnet50t", spec=BottleneckT(depths=D50, squeeze="eca"), input_px=256),
    ECA(name="ecaresnet50d", spec=BottleneckD(depths=D50, squeeze="eca")),
    ECA(name="ecaresnet101d", spec=BottleneckD(depths=D101, squeeze="eca")),
    ECA(name="ecaresnet269d", spec=BottleneckD(depths=D269, squeeze="eca"), input_px=320),
    ECA(name="ecaresnetlight", spec=Bottleneck(depths=(1, 1, 11, 3), shortcut="avg_pool", squeeze="eca")),
    # Li et al. 2019
    SK(name="skresnet18", spec=SelectiveBasic(depths=D18)),
    SK(name="skresnet34", spec=SelectiveBasic(depths=D34)),
    SK(
        name="skresnext50_32x4d",
        spec=ResNetSpec(block="sk_bottleneck", depths=D50, groups=32, width_per_group=4),
    ),
    # Gao et al. 2019
    Multiscale(name="res2net50_14w_8s", spec=Res2Net(depths=D50, width_per_group=14, splits=8)),
    Multiscale(name="res2net50_26w_4s", spec=Res2Net(depths=D50, width_per_group=26, splits=4)),
    Multiscale(name="res2net50_26w_6s", spec=Res2Net(depths=D50, width_per_group=26, splits=6)),
    Multiscale(name="res2net50_26w_8s", spec=Res2Net(depths=D50, width_per_group=26, splits=8)),
    Multiscale(name="res2net50_48w_2s", spec=Res2Net(depths=D50, width_per_group=48, splits=2)),
    Multiscale(name="res2net101_26w_4s", spec=Res2Net(depths=D101, width_per_group=26, splits=4)),
    Multiscale(name="res2next50", spec=Res2Net(depths=D50, groups=8, width_per_group=4, splits=4)),
    # Zhang et al. 2020
    ResNeSt(name="resnest14d", spec=ResNeStD(depths=D14)),
    ResNeSt(name="resnest26d", spec=ResNeStD(depths=D26)),
    ResNeSt(name="resnest50d", spec=ResNeStD(depths=D50)),
    ResNeSt(name="resnest101e", spec=ResNeStE(depths=D101), input_px=256),
    ResNeSt(name="resnest200e", spec=ResNeStE(depths=D200), input_px=320),
    ResNeSt(name="resnest269e", spec=ResNeStE(depths=D269), input_px=416),
    ResNeSt(name="resnest50d_1s4x24d", spec=ResNeStFast(depths=D50, groups=4, width_per_group=24)),
    ResNeSt(name="resnest50d_4s2x40d", spec=ResNeStFast(depths=D50, groups=2, width_per_group=40, splits=4)),
)
