import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(14)
CLASSES, PER_CLASS, STEPS = 6, 120, 24
EPOCHS = 18


class GloveRecordings(Dataset):
    """Five bend sensors of a glove; every sign was recorded in a session of its own."""

    def __init__(self, shapes, per_class):
        self.items = []
        t = torch.linspace(0, 1, STEPS).unsqueeze(1)
        for sign in range(CLASSES):
            for _ in range(per_class):
                start = 0.2 * torch.rand(1)
                freq, amp, shift = shapes[sign]
                curve = amp * torch.sin(6.28 * freq * (t - start) + shift)
                self.items.append((curve + 0.8 * torch.randn(STEPS, 5), sign))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


class SignLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 40, batch_first=True)
        self.fc = nn.Linear(40, CLASSES)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        return self.fc(out.mean(dim=1))


shapes = [(0.5 + 1.5 * torch.rand(5), 0.5 + torch.rand(5), 6.28 * torch.rand(5)) for _ in range(CLASSES)]
train_dl = DataLoader(GloveRecordings(shapes, PER_CLASS), batch_size=24, shuffle=True)
val_dl = DataLoader(GloveRecordings(shapes, 50), batch_size=60)
net = SignLSTM()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.8, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
ce = nn.CrossEntropyLoss()
for epoch in range(EPOCHS):
    net.train()
    tl = 0.0
    for x, y in train_dl:
        opt.zero_grad()
        loss = ce(net(x), y)
        loss.backward()
        opt.step()
        tl += loss.item() / len(train_dl)
    sched.step()
    net.eval()
    vl = hits = n = 0
    with torch.no_grad():
        for x, y in val_dl:
            scores = net(x)
            vl += ce(scores, y).item() / len(val_dl)
            hits += (scores.argmax(1) == y).sum().item()
            n += len(y)
    print(f"epoch {epoch + 1} train loss {tl:.4f} val loss {vl:.4f} val accuracy {hits / n:.3f}")
