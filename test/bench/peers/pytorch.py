"""The six networks in PyTorch, one timed step a line, so that the benchmark can take turns with it.

    python3 pytorch.py NETWORK FORMAT THREADS     FORMAT: channels_last or nchw

Prints "ready VERSION" after a warm-up. Each line read from standard input is a job, "train" or "forward BATCH"; the answer is its time in
milliseconds. Needs PyTorch (Debian: python3-torch python3-torchvision). The project itself never runs Python: this is the other side of a comparison.
"""

import math
import sys
import time

import torch
from torch import nn


class Gate(nn.Module):
    """The hard concrete gate, one draw for each image and channel."""

    def __init__(self, channels):
        super().__init__()
        self.log_alpha = nn.Parameter(2.94 + 0.01 * torch.randn(channels))

    def forward(self, x):
        u = torch.empty(x.shape[0], x.shape[1]).uniform_(1e-6, 1 - 1e-6)
        s = torch.sigmoid((torch.log(u) - torch.log1p(-u) + self.log_alpha) / (2 / 3))
        return x * (1.2 * s - 0.1).clamp(0, 1)[:, :, None, None]

    def penalty(self):
        return torch.sigmoid(self.log_alpha - 2 / 3 * math.log(0.1 / 1.1)).sum()


def unit(inputs, outputs, size, gated=False):
    layers = [nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, Gate(outputs)) if gated else nn.Sequential(*layers)


class Inception(nn.Module):
    def __init__(self, inputs, reduce3, reduce5, outputs, gated):
        super().__init__()
        one, three, five, pool = outputs
        self.branches = nn.ModuleList(
            [
                unit(inputs, one, 1, gated),
                nn.Sequential(unit(inputs, reduce3, 1), unit(reduce3, three, 3, gated)),
                nn.Sequential(unit(inputs, reduce5, 1), unit(reduce5, five, 5, gated)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), unit(inputs, pool, 1, gated)),
            ]
        )

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def googlenet(gated=False):
    blocks = [
        (32, 16, (16, 32, 8, 8)),
        (32, 16, (24, 48, 12, 12)),
        None,
        (32, 16, (24, 48, 12, 12)),
        (32, 16, (16, 48, 16, 16)),
        (32, 16, (16, 48, 16, 16)),
        (32, 16, (32, 48, 24, 24)),
        None,
        (48, 16, (32, 64, 16, 16)),
        (48, 16, (32, 64, 16, 16)),
    ]
    layers, width = [unit(3, 64, 3)], 64
    for block in blocks:
        if block is None:
            layers.append(nn.MaxPool2d(3, 2, 1))
        else:
            layers.append(Inception(width, *block, gated))
            width = sum(block[2])
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs, 1e-3),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs, 1e-3),
        )
        project = [nn.Conv2d(inputs, outputs, 2, 2, bias=False), nn.BatchNorm2d(outputs, 1e-3)]
        self.skip = nn.Identity() if stride == 1 else nn.Sequential(*project)

    def forward(self, x):
        return self.body(x) + self.skip(x)


def resnet20():
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16, 1e-3), nn.ReLU(inplace=True)]
    blocks = [Residual(a, b) for a, b in zip(widths, widths[1:])]
    return nn.Sequential(
        *stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10, bias=False), nn.BatchNorm1d(10, 1e-3)
    )


def cnn4():
    def conv(inputs, outputs, size):
        padding = size // 2 if size % 2 else "same"
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, size, padding=padding, bias=False),
            nn.BatchNorm2d(outputs, 1e-3),
            nn.ReLU(inplace=True),
        )

    pool = lambda: nn.MaxPool2d(3, 2, 1)
    head = [nn.Conv2d(192, 384, 4, bias=False), nn.BatchNorm2d(384, 1e-3), nn.ReLU(inplace=True), nn.Flatten()]
    return nn.Sequential(
        conv(3, 96, 5), pool(), conv(96, 192, 5), pool(), conv(192, 192, 3), pool(), *head, nn.Linear(384, 10)
    )


def c3():
    conv = lambda inputs: [nn.Conv2d(inputs, 32, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*conv(3), *conv(32), *conv(32), nn.Flatten(), nn.Linear(32768, 10))


def resnet18():
    import torchvision

    net = torchvision.models.resnet18(weights=None)
    net.fc = nn.Sequential(nn.Linear(512, 100), nn.ReLU(inplace=True), nn.Linear(100, 10))
    return net


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, expansion, stride):
        super().__init__()
        inside = expansion * inputs
        relu6 = lambda channels: [nn.BatchNorm2d(channels), nn.ReLU6(inplace=True)]
        self.body = nn.Sequential(
            nn.Conv2d(inputs, inside, 1, bias=False),
            *relu6(inside),
            nn.Conv2d(inside, inside, 3, stride, 1, groups=inside, bias=False),
            *relu6(inside),
            nn.Conv2d(inside, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.skip = None
        if stride == 1:
            project = [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
            self.skip = nn.Identity() if inputs == outputs else nn.Sequential(*project)

    def forward(self, x):
        return self.body(x) + self.skip(x) if self.skip else self.body(x)


def mobilenetv2():
    stages = [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    conv = lambda inputs, outputs, size: [
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    ]
    layers, width = conv(3, 32, 3), 32
    for expansion, outputs, blocks, stride in stages:
        for block in range(blocks):
            layers.append(InvertedResidual(width, outputs, expansion, 1 if block else stride))
            width = outputs
    return nn.Sequential(*layers, *conv(320, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10))


# Builder, batch size, optimizer: the settings of the documents.
NETWORKS = {
    "googleNet": (googlenet, 128, "adamw"),
    "googleNet+gates": (lambda: googlenet(True), 128, "adamw"),
    "resnet20": (resnet20, 125, "sgd"),
    "c3": (c3, 128, "sgd"),
    "resnet18": (resnet18, 128, "adam"),
    "cnn4": (cnn4, 125, "sgd"),
    "mobileNetV2": (mobilenetv2, 128, "sgd"),
}


def main():
    name, layout, threads = sys.argv[1:4]
    build, batch, rule = NETWORKS[name]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    net = build().to(memory_format=memory)
    x = torch.randn(batch, 3, 32, 32).contiguous(memory_format=memory)
    labels = torch.randint(0, 10, (batch,))
    weights = list(net.parameters())
    optimizer = {
        "adamw": lambda: torch.optim.AdamW(weights, 1e-3, weight_decay=1e-4),
        "adam": lambda: torch.optim.Adam(weights, 1e-3),
        "sgd": lambda: torch.optim.SGD(weights, 1e-2),
    }[rule]()
    gates = [module for module in net.modules() if isinstance(module, Gate)]
    entries = sum(gate.log_alpha.numel() for gate in gates)

    def train():
        net.train()
        start = time.perf_counter()
        loss = nn.functional.cross_entropy(net(x), labels)
        if gates:
            loss = loss + 10 * sum(gate.penalty() for gate in gates) / entries
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return time.perf_counter() - start

    def forward(images):
        net.eval()
        with torch.no_grad():
            start = time.perf_counter()
            net(images)
            return time.perf_counter() - start

    for _ in range(3):
        train()
    print("ready", torch.__version__, flush=True)
    for line in sys.stdin:
        job = line.split()
        seconds = train() if job[0] == "train" else forward(x[: int(job[1])])
        print(round(seconds * 1000, 3), flush=True)


if __name__ == "__main__":
    main()
