"""Reads the counter of coins: a hand-written recurrent cell over a sequence of slots."""
import torch
import torch.nn as nn


class RecurrentCell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.w_x = nn.Parameter(torch.empty(n_in, n_hidden))
        self.w_h = nn.Parameter(torch.empty(n_hidden, n_hidden))
        self.bias = nn.Parameter(torch.zeros(n_hidden))
        for weight in (self.w_x, self.w_h):
            nn.init.xavier_normal_(weight)

    def forward(self, x, h):
        return torch.tanh(x @ self.w_x + h @ self.w_h + self.bias)


class Reader(nn.Module):
    def __init__(self, n_hidden=64, n_classes=5):
        super().__init__()
        self.cell = RecurrentCell(6, n_hidden)
        self.n_hidden = n_hidden
        self.head = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        h = x.new_zeros(len(x), self.n_hidden)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return self.head(h)


def make_batch(n, steps=12):
    """Six sensors per slot; the class is the rounded balance of the two coin sensors over the slots."""
    x = torch.randn(n, steps, 6) * 0.5
    balance = (x[:, :, 0] - x[:, :, 1]).sum(1) + 0.1 * torch.randn(n)
    return x, torch.bucketize(balance, torch.tensor([-2.1, -0.6, 0.6, 2.1]))


def evaluate(model, criterion, x, y):
    with torch.no_grad():
        scores = model(x)
        return criterion(scores, y).item(), (scores.argmax(1) == y).float().mean().item()


def train(seed=9, epochs=24, batch_size=50):
    torch.manual_seed(seed)
    x_train, y_train = make_batch(2000)
    x_val, y_val = make_batch(600)
    model = Reader()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [14, 19, 22], 0.3)
    for epoch in range(1, epochs + 1):
        losses = []
        for idx in torch.randperm(len(x_train)).split(batch_size):
            optimizer.zero_grad()
            loss = criterion(model(x_train[idx]), y_train[idx])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
        val_loss, val_acc = evaluate(model, criterion, x_val, y_val)
        print(f"epoch {epoch}, train loss {sum(losses) / len(losses):.4f}, val loss {val_loss:.4f}, val accuracy {val_acc:.3f}")


train()
