"""One line for a beginner about each kind of layer."""

from __future__ import annotations

from diagnose.run import Layer

BY_ACTIVATION = {
    "relu": "lets positive values pass and makes negative ones zero",
    "leaky_relu": "lets positive values pass and shrinks negative ones",
    "elu": "lets positive values pass and bends negative ones towards -1",
    "gelu": "a smooth relu: small negative values pass a little",
    "silu": "a smooth relu: x times its sigmoid",
    "tanh": "squeezes values to between -1 and 1; flat far from zero",
    "sigmoid": "squeezes values to between 0 and 1; flat far from zero",
    "softmax": "turns scores into shares that sum to one",
    "log_softmax": "turns scores into logarithms of shares that sum to one",
    "softplus": "a smooth relu, always above zero",
}
BY_TYPE = {
    "LSTM": "reads a sequence step by step, with a memory cell guarded by gates",
    "GRU": "reads a sequence step by step; gates decide what is kept",
    "RNN": "reads a sequence step by step, carrying a state along",
    "Flatten": "lays all values of a sample in one row",
    "Identity": "passes its input on unchanged",
    "Bilinear": "each output is a weighted sum of all products of two inputs",
    "ConvTranspose1d": "spreads each value over a patch by learned patterns: a longer signal",
    "ConvTranspose2d": "spreads each value over a patch by learned patterns: a larger picture",
    "Upsample": "makes a picture larger by repeating or blending its values",
    "PixelShuffle": "lays channels side by side: a larger picture with fewer channels",
    "Dropout": "in training, sets a random share of the values to zero, so that none is relied on alone",
    "BatchNorm1d": "brings each feature to mean 0 and spread 1 over the batch; uses running figures in evaluation",
    "BatchNorm2d": "brings each channel to mean 0 and spread 1 over the batch; uses running figures in evaluation",
    "LayerNorm": "brings each sample's features to mean 0 and spread 1",
    "GroupNorm": "brings groups of channels of each sample to mean 0 and spread 1",
    "InstanceNorm2d": "brings each channel of each sample to mean 0 and spread 1",
    "RMSNorm": "divides each sample's features by their root mean square",
    "MaxPool2d": "keeps the largest value of each patch: a smaller picture",
    "AvgPool2d": "keeps the mean of each patch: a smaller picture",
    "AdaptiveAvgPool2d": "keeps the mean of each part of the picture, as many parts as asked for",
    "Transformer": "attention and small networks in layers, from one sequence to another",
    "MultiheadAttention": "each position gathers from the others what it finds relevant",
}
BY_ROLE = {
    "linear": "each output is a weighted sum of all inputs",
    "convolution": "slides small learned patterns over the input and says where they fit",
    "recurrent": "reads a sequence step by step, carrying a state along",
    "embedding": "looks up a learned row of numbers for each symbol",
    "attention": "each position gathers from the others what it finds relevant",
    "normalization": "brings values to a common mean and spread",
    "dropout": "in training, sets a random share of the values to zero",
    "activation": "bends the values: without it, layers in a row would be one linear layer",
    "pooling": "makes the input smaller by keeping one value of each patch",
    "reshape": "orders the same values anew",
    "container": "runs the layers inside it",
}


def explained(layer: Layer) -> str:
    """What such a layer does, empty for a kind that is not known."""
    return BY_ACTIVATION.get(layer.activation or "") or BY_TYPE.get(layer.type) or BY_ROLE.get(layer.role, "")
