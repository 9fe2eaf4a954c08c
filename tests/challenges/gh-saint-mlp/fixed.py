import torch
from torch import nn


class simple_mlp(nn.Module):
    def __init__(self, dims):
        super().__init__()
        steps = []
        for a, b in zip(dims[:-2], dims[1:-1]):
            steps.append(nn.Linear(a, b))
            steps.append(nn.GELU())
        steps.append(nn.Linear(dims[-2], dims[-1]))
        self.layers = nn.Sequential(*steps)

    def forward(self, x):
        return self.layers(x)


class Trainer:
    def __init__(self, model, epochs, batch=80):
        self.model, self.epochs, self.batch = model, epochs, batch
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs)
        self.criterion = nn.CrossEntropyLoss()

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def validate(self, x, y):
        self.model.eval()
        with torch.no_grad():
            out = self.model(x)
            return self.criterion(out, y).item(), (out.argmax(1) == y).float().mean().item()

    def fit(self, train, val):
        x, y = train
        for epoch in range(self.epochs):
            self.model.train()
            losses = [self.step(x[i], y[i]) for i in torch.randperm(len(x)).split(self.batch)]
            self.scheduler.step()
            vl, va = self.validate(*val)
            print(f"epoch {epoch + 1} loss {sum(losses) / len(losses):.4f} val loss {vl:.4f} val accuracy {va:.4f}")
        return vl, va


def rings(n):
    x = torch.randn(n, 5)
    radius = x[:, :3].norm(dim=1)
    y = (radius > 1.2).long() + (radius > 1.9).long()
    wrong = torch.rand(n) < 0.1
    y[wrong] = torch.randint(0, 3, (int(wrong.sum()),))
    return x, y


torch.manual_seed(14)
train, val = rings(4000), rings(1500)
trainer = Trainer(simple_mlp([5, 32, 32, 3]), epochs=18)
loss, accuracy = trainer.fit(train, val)
print(f"final: val loss {loss:.4f}, val accuracy {accuracy:.4f}")
