import torch
import torch.nn as nn

# who is typing? 16 intervals between keystrokes, eight people
torch.manual_seed(3)
EPOCHS = 9
PEOPLE, STEPS = 8, 16
lr = 4e-3

habit = torch.randn(PEOPLE, STEPS, 2)


def sessions(n):
    who = torch.randint(PEOPLE, (n,))
    x = 0.7 * habit[who] + 0.4 * torch.randn(n, 1, 2) + 1.3 * torch.randn(n, STEPS, 2)
    return x, who


class TypistRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(2, 64, batch_first=True)
        self.out = nn.Linear(64, PEOPLE)

    def forward(self, x):
        steps, _ = self.rnn(x)
        return self.out(steps[:, -1])


def run_epoch(model, data, optimizer=None):
    x, y = data
    order = torch.randperm(len(x)) if optimizer else torch.arange(len(x))
    loss_sum = correct = 0
    for idx in order.split(32):
        logits = model(x[idx])
        loss = nn.functional.cross_entropy(logits, y[idx])
        if optimizer:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss_sum += loss.item() * len(idx)
        correct += (logits.argmax(1) == y[idx]).sum().item()
    return loss_sum / len(x), correct / len(x)


train, val = sessions(500), sessions(800)
model = TypistRNN()
optimizer = torch.optim.Adam(model.parameters(), lr=lr)
for epoch in range(EPOCHS):
    train_loss, train_acc = run_epoch(model, train, optimizer)
    with torch.no_grad():
        val_loss, val_acc = run_epoch(model, val)
    print(f"epoch {epoch + 1} train loss {train_loss:.3f} acc {train_acc:.3f} val loss {val_loss:.3f} acc {val_acc:.3f}")
