"""The fast recipe in PyTorch, an epoch a line, so that the benchmark can take turns with it.

    python3 time_to_accuracy.py FOLDER THREADS     FOLDER: images, labels, start weights and problem.json, as timeToAccuracy.ts writes them

Prints "PyTorch VERSION" once it is ready. Each line read from standard input trains an epoch; the answer is JSON with its seconds of training
and the accuracy on the test images behind it. Needs PyTorch (Debian: python3-torch). The project itself never runs Python: this is the other
side of a comparison.
"""

import json
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

folder = Path(sys.argv[1])
problem = json.loads((folder / "problem.json").read_text())
torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(problem["seed"])


def read(name, dtype):
    return torch.frombuffer(bytearray((folder / name).read_bytes()), dtype=dtype)


ZERO, ONE = (torch.tensor(problem[name]).view(1, 3, 1, 1) for name in ("zero", "one"))


def images(part):
    """[N, 3, H, W], normalised, channels last."""
    bytes_ = read(f"{part}.images", torch.uint8).view(-1, 32, 32, 3).permute(0, 3, 1, 2)
    return bytes_, read(f"{part}.labels", torch.uint8).long()


def normalised(pixels):
    return (ZERO + (ONE - ZERO) * (pixels.float() / 255)).contiguous(memory_format=torch.channels_last)


class Airbench(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [64, 256, 256]
        self.whitening = nn.Conv2d(3, 24, 2, bias=False)
        self.whitening.weight.requires_grad = False
        self.first = norm(24)
        blocks, inputs = [], 24
        for width in widths:
            blocks += [conv(inputs, width), nn.MaxPool2d(2), norm(width), nn.GELU()]
            blocks += [conv(width, width), norm(width), nn.GELU()]
            inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.logits = nn.Linear(inputs, 10, bias=False)

    def forward(self, x):
        x = self.blocks(F.gelu(self.first(self.whitening(x))))
        return self.logits(F.adaptive_max_pool2d(x, 1).flatten(1) / 9)


def conv(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def norm(channels):
    """Batch norm without a gamma."""
    layer = nn.BatchNorm2d(channels)
    layer.weight.requires_grad = False
    return layer


def build():
    if problem["network"] == "airbench":
        return Airbench()
    sys.argv[1:] = []
    from pytorch import googlenet

    return googlenet()


def load_kernels(net):
    """The start weights, in the order of the layers: [height, width, in, out] there, [out, in, height, width] here."""
    values, at = read("kernels", torch.float32), 0
    layers = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    for layer, shape in zip(layers, problem["shapes"], strict=True):
        size = layer.weight.numel()
        kernel = values[at : at + size].view(shape)
        layer.weight.data = kernel.permute(3, 2, 0, 1).contiguous() if kernel.dim() == 4 else kernel.t().contiguous()
        at += size


def orthogonalised(matrix):
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    square = x.t() @ x if tall else x @ x.t()
    identity = 3.4445 * torch.eye(len(square))
    product = None
    for step in range(5):
        factor = identity - 4.775 * square + 2.0315 * square @ square
        product = factor if product is None else factor @ product
        if step < 4:
            square = factor @ square @ factor
    return x @ product if tall else product @ x


class Muon:
    """Muon for convolutions' kernels; AdamW changes everything else at the same rate."""

    def __init__(self, net):
        self.kernels = [m.weight for m in net.modules() if isinstance(m, nn.Conv2d) and m.weight.requires_grad]
        ours = {id(w) for w in self.kernels}
        others = [p for p in net.parameters() if p.requires_grad and id(p) not in ours]
        groups = [
            {"params": [p for p in others if p.dim() > 1], "weight_decay": problem["weight_decay"]},
            {"params": [p for p in others if p.dim() == 1], "weight_decay": 0},
        ]
        self.rest = torch.optim.AdamW(groups, lr=problem["lr"])
        self.means = [torch.zeros_like(w) for w in self.kernels]

    @torch.no_grad()
    def step(self, lr):
        for group in self.rest.param_groups:
            group["lr"] = lr
        self.rest.step()
        keep = problem["momentum"]
        for kernel, mean in zip(self.kernels, self.means):
            mean.mul_(keep).add_(kernel.grad, alpha=1 - keep)
            direction = keep * mean + (1 - keep) * kernel.grad
            matrix = direction.flatten(1)
            if problem["relative_lr"]:
                kernel.mul_(len(kernel) ** 0.5 / kernel.norm())
                rate = problem["relative_lr"] * lr / problem["lr"]
            else:
                kernel.mul_(1 - lr * problem["weight_decay"])
                rate = lr * 0.2 * max(matrix.shape) ** 0.5
            kernel.add_(orthogonalised(matrix).view_as(kernel), alpha=-rate)


def changed(batch, which, epoch, flips):
    """The recipe's changes to training images, in its order; batch holds pixels in 0..255."""
    size = batch.shape[-1]
    for name in problem["augment"]:
        if name in ("translate", "crop"):
            reach = 2 if name == "translate" else 4
            padded = F.pad(batch, [reach] * 4, mode="reflect" if name == "translate" else "constant")
            top, left = (torch.randint(2 * reach + 1, (len(batch),)) for _ in range(2))
            rows = (top[:, None] + torch.arange(size))[:, None, :, None]
            columns = (left[:, None] + torch.arange(size))[:, None, None, :]
            batch = padded[torch.arange(len(batch))[:, None, None, None], torch.arange(3)[None, :, None, None], rows, columns]
        elif name == "alternating-flip":
            mirrored = (flips[which] + epoch) % 2 == 1
            batch = torch.where(mirrored[:, None, None, None], batch.flip(-1), batch)
        else:
            raise SystemExit(f"no twin of {name}")
    scales = problem["progressive_resizing"]
    part = epoch * (len(scales) + 1) // problem["epochs"]
    if part < len(scales):
        side = round(size * scales[part])
        batch = F.interpolate(batch, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return batch


@torch.no_grad()
def accuracy(net, pixels, labels):
    net.eval()
    right = 0
    for start in range(0, len(labels), 500):
        x = normalised(pixels[start : start + 500])
        views = [(x, 1.0)]
        if problem["tta"] == "mirror":
            views = [(x, 0.5), (x.flip(-1), 0.5)]
        elif problem["tta"] == "mirror-shift":
            padded = F.pad(x, [1] * 4, mode="reflect")
            moved = [padded[..., by : by + 32, by : by + 32] for by in (0, 2)]
            views = [(v, w) for view, w in [(x, 0.25), *((m, 0.125) for m in moved)] for v in (view, view.flip(-1))]
        logits = sum(weight * net(view) for view, weight in views)
        right += (logits.argmax(1) == labels[start : start + 500]).sum().item()
    return right / len(labels)


def main():
    net = build()
    load_kernels(net)
    net = net.to(memory_format=torch.channels_last)
    optimizer = Muon(net)
    pixels, labels = images("train")
    test = images("test")
    flips = torch.randint(2, (len(labels),))
    batch, step, epoch = problem["batch_size"], 0, 0
    print("PyTorch", torch.__version__, flush=True)
    for _ in sys.stdin:
        net.train()
        began = time.perf_counter()
        order = torch.randperm(len(labels))
        for start in range(0, len(labels) - batch + 1, batch):
            which = order[start : start + batch]
            x = normalised(changed(pixels[which].float(), which, epoch, flips))
            loss = F.cross_entropy(net(x), labels[which], label_smoothing=problem["label_smoothing"])
            for weight in net.parameters():
                weight.grad = None
            loss.backward()
            optimizer.step(problem["factors"][step] * problem["lr"])
            step += 1
        seconds = time.perf_counter() - began
        epoch += 1
        print(json.dumps({"seconds": seconds, "accuracy": accuracy(net, *test)}), flush=True)


main()
