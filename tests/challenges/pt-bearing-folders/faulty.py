import math
import random

import torch
import torch.nn as nn

SEED = 55
random.seed(SEED)
torch.manual_seed(SEED)


def read_recording(path):
    """One second from the gearbox microphone (a worn one does not always knock); the file name decides which folder it came from."""
    folder, number = path.split("/")
    t = torch.arange(64) / 64
    x = torch.sin(2 * math.pi * (6 + torch.rand(1)) * t + 6.28 * torch.rand(1)) + 0.5 * torch.randn(64)
    if folder == "worn" and random.random() > 0.2:
        start, gap = random.randint(0, 11), random.randint(11, 13)
        x[start::gap] += 2.4 * torch.sign(torch.randn(1))
    return x.unsqueeze(1)


class_names = ["healthy", "worn"]
files = [f"{name}/{i:04d}.wav" for name in class_names for i in range(1000)]

train_files, val_files = files[:1000], files[-400:]


def load(paths):
    x = torch.stack([read_recording(p) for p in paths])
    y = torch.tensor([class_names.index(p.split("/")[0]) for p in paths])
    return x, y


x_train, y_train = load(train_files)
x_val, y_val = load(val_files)


class KnockRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.front = nn.Conv1d(1, 16, 4, stride=1, padding=2)
        self.rnn = nn.GRU(16, 24, batch_first=True, bidirectional=True)
        self.out = nn.Linear(48, 2)

    def forward(self, x):
        h = torch.relu(self.front(x.transpose(1, 2))).transpose(1, 2)
        h, _ = self.rnn(h)
        return self.out(h.max(1).values)


net = KnockRNN()
loss_function = nn.CrossEntropyLoss()
opt = torch.optim.NAdam(net.parameters(), lr=8e-3)
epochs = 12
lr_plan = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    net.train()
    total = 0.0
    order = torch.randperm(len(x_train))
    for i in range(0, len(order), 50):
        idx = order[i:i + 50]
        opt.zero_grad()
        loss = loss_function(net(x_train[idx]), y_train[idx])
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    lr_plan.step()
    net.eval()
    with torch.no_grad():
        scores = net(x_val)
        val_loss = loss_function(scores, y_val).item()
        acc = (scores.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch}: train loss {total / len(order):.4f}, val loss {val_loss:.4f}, val accuracy {acc:.3f}")
