import math
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(71)


def load_curve(hours):
    """electricity-like load: day, week, weather, and an AR(1) disturbance nobody can foresee for long"""
    t = torch.arange(hours).float()
    week = torch.where((t // 24) % 7 < 5, 1.0, 0.6)
    day = torch.sin(2 * math.pi * (t - 8) / 24) + 0.4 * torch.sin(4 * math.pi * t / 24)
    shock = torch.zeros(hours)
    e = 0.25 * torch.randn(hours)
    for i in range(1, hours):
        shock[i] = 0.85 * shock[i - 1] + e[i]
    return week * day + shock


class Windows(Dataset):
    def __init__(self, series, past=72, ahead=6):
        self.series, self.past, self.ahead = series, past, ahead

    def __len__(self):
        return len(self.series) - self.past - self.ahead + 1

    def __getitem__(self, i):
        return self.series[i:i + self.past], self.series[i + self.past:i + self.past + self.ahead]


class Causal(nn.Module):
    def __init__(self, n_in, n_out, dilation, dropout=0.1):
        super().__init__()
        self.pad = nn.ConstantPad1d((2 * dilation, 0), 0.0)
        self.conv = weight_norm(nn.Conv1d(n_in, n_out, 3, dilation=dilation))
        self.drop = nn.Dropout(dropout)
        self.skip = nn.Conv1d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x):
        return torch.relu(self.skip(x) + self.drop(torch.relu(self.conv(self.pad(x)))))


class TCN(nn.Module):
    def __init__(self, channels=16, ahead=6):
        super().__init__()
        sizes = [1] + [channels] * 5
        self.body = nn.Sequential(*[Causal(a, b, 2 ** k) for k, (a, b) in enumerate(zip(sizes, sizes[1:]))])
        self.head = nn.Linear(channels, ahead)

    def forward(self, x):
        return self.head(self.body(x[:, None])[:, :, -1])


def main(epochs=8):
    load = load_curve(3000)
    load = (load - load[:2300].mean()) / load[:2300].std()
    train = DataLoader(Windows(load[:2300]), batch_size=64, shuffle=True, drop_last=True)
    val = DataLoader(Windows(load[2300:]), batch_size=256)
    net = TCN()
    opt = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.02)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 4e-3, epochs=epochs, steps_per_epoch=len(train))
    huber = nn.HuberLoss()
    for epoch in range(1, epochs + 1):
        net.train()
        sum_train = 0.0
        for past, future in train:
            opt.zero_grad()
            loss = huber(net(past), future)
            loss.backward()
            opt.step()
            sched.step()
            sum_train += loss.item()
        net.eval()
        with torch.inference_mode():
            v = sum(huber(net(p), f).item() * len(p) for p, f in val) / len(val.dataset)
        print(f"epoch {epoch}: train loss {sum_train / len(train):.4f}, val loss {v:.4f}")
    yesterday = torch.cat([huber(f, p[:, 48:54])[None] for p, f in val]).mean().item()
    print(f"final: val loss {v:.4f}, same hour of yesterday {yesterday:.4f}")


main()
