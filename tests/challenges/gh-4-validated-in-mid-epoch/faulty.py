import torch
from torch import nn


def scribbles(n, g):
    """a bright dot on a noisy ground: in which quarter of the picture, and is it above or below the diagonal?"""
    x = torch.randn(n, 1, 12, 12, generator=g)
    r, c = torch.randint(1, 11, (2, n), generator=g)
    for k in range(n):
        x[k, 0, r[k] - 1:r[k] + 2, c[k] - 1:c[k] + 2] += 1.1
    return x, (r >= 6).long() * 2 + (c >= 6).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.6), nn.Linear(16 * 36, 48), nn.LeakyReLU(0.1), nn.Dropout(0.6), nn.Linear(48, 4))

    def forward(self, x):
        return self.head(self.features(x))


class Trainer:
    def __init__(self, net, train, val, val_step=8, batch_size=10):
        self.net, self.train, self.val = net, train, val
        self.val_step, self.batch_size = val_step, batch_size
        self.loss_fn = nn.CrossEntropyLoss()
        self.iters = 0

    def validate(self):
        self.net.eval()
        with torch.no_grad():
            out = self.net(self.val[0])
        self.val_loss = self.loss_fn(out, self.val[1]).item()
        self.val_acc = (out.argmax(1) == self.val[1]).float().mean().item()

    def fit(self, epochs=24):
        optimizer = torch.optim.AdamW(self.net.parameters(), lr=3e-3, weight_decay=0.01)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        for epoch in range(epochs):
            self.net.train()
            for idx in torch.randperm(len(self.train[0])).split(self.batch_size):
                loss = self.loss_fn(self.net(self.train[0][idx]), self.train[1][idx])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.iters += 1
                if self.iters % self.val_step == 0:
                    self.validate()
            scheduler.step()
            print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {self.val_loss:.4f} acc {self.val_acc:.3f}")


torch.manual_seed(29)
generator = torch.Generator().manual_seed(29)
trainer = Trainer(Net(), scribbles(400, generator), scribbles(500, generator))
trainer.fit()
print(f"final: val loss {trainer.val_loss:.4f}, accuracy {trainer.val_acc:.3f}")
