import torch
import torch.nn as nn


class Smoother(nn.Module):
    """reads a noisy walk and says where the walker really is"""

    def __init__(self, size=32):
        super().__init__()
        self.gru = nn.GRU(1, size, batch_first=True)
        self.read = nn.Linear(size, 1)

    def forward(self, x):
        h, _ = self.gru(x)
        return self.read(h)


def walks(n, length=30):
    step = 0.5 * torch.randn(n, length)
    place = torch.zeros(n, length)
    for t in range(1, length):
        place[:, t] = 0.9 * place[:, t - 1] + step[:, t]
    seen = place + 0.8 * torch.randn(n, length)
    return (seen / 1.35).unsqueeze(2), (place / 1.1).unsqueeze(2)


class Trainer:
    def __init__(self, lr=5e-3, epochs=14):
        self.model = Smoother()
        self.loss = nn.MSELoss()
        self.epochs = epochs
        self.opt = torch.optim.Adam(self.model.parameters(), lr=lr)
        self.sched = torch.optim.lr_scheduler.LinearLR(self.opt, 1.0, 0.05, total_iters=self.epochs)

    def train_epoch(self, x, y):
        self.model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(40):
            self.opt.zero_grad()
            loss = self.loss(self.model(x[idx]), y[idx])
            loss.backward()
            self.opt.step()
            total += loss.item() * len(idx)
        self.sched.step()
        return total / len(x)

    @torch.no_grad()
    def validate(self, x, y):
        self.model.eval()
        return self.loss(self.model(x), y).item()

    def run(self, train, val):
        for epoch in range(self.epochs):
            tl = self.train_epoch(*train)
            vl = self.validate(*val)
            print(f"epoch {epoch + 1} | loss {tl:.4f} | val loss {vl:.4f}")
        print(f"final: val loss {vl:.4f}")


if __name__ == "__main__":
    torch.manual_seed(18)
    Trainer().run(walks(1500), walks(500))
