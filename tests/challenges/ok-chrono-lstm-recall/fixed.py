import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 41
torch.manual_seed(SEED)
LENGTH, SYMBOLS = 60, 6


def recall(n):
    """A symbol is shown somewhere in the first ten steps and asked for at the end; one display in eight is misread."""
    x = 0.3 * torch.randn(n, LENGTH, SYMBOLS + 1)
    symbol = torch.randint(0, SYMBOLS, (n,))
    when = torch.randint(0, 10, (n,))
    shown = torch.where(torch.rand(n) < 0.125, torch.randint(0, SYMBOLS, (n,)), symbol)
    x[torch.arange(n), when, shown] += 3
    x[:, -1, SYMBOLS] += 3
    return x, symbol


class ChronoLSTM(nn.Module):
    """Tallec and Ollivier 2018: forget biases log(u), u from 1 to the longest span to be kept."""

    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(SYMBOLS + 1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, SYMBOLS)
        with torch.no_grad():
            span = torch.log(torch.empty(hidden).uniform_(20, 4 * LENGTH))
            self.lstm.bias_hh_l0.zero_()
            self.lstm.bias_ih_l0.zero_()
            self.lstm.bias_ih_l0[:hidden] = -span
            self.lstm.bias_ih_l0[hidden:2 * hidden] = span

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


x_train, y_train = recall(2000)
x_val, y_val = recall(500)
net = ChronoLSTM()
opt = torch.optim.RMSprop(net.parameters(), lr=4e-3)
epochs = 12
plan = torch.optim.lr_scheduler.LambdaLR(opt, lambda e: max(0.02, 1 - e / epochs))
for epoch in range(epochs):
    net.train()
    running = []
    for i in torch.randperm(len(x_train)).split(40):
        loss = F.cross_entropy(net(x_train[i]), y_train[i])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        running.append(loss.item())
    plan.step()
    net.eval()
    with torch.no_grad():
        logits = net(x_val)
        val = F.cross_entropy(logits, y_val).item()
        acc = (logits.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} train loss {sum(running) / len(running):.4f} val loss {val:.4f} recalled {acc:.3f}")
