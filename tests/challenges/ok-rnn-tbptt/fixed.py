import torch
import torch.nn as nn

torch.manual_seed(36)
STREAMS, CHUNK, SYMBOLS = 20, 25, 6
EPOCHS = 16
table = torch.softmax(2.5 * torch.randn(SYMBOLS, SYMBOLS, SYMBOLS), dim=2)


def text(length):
    """A random text in which the two last letters decide the chances of the next one."""
    out = torch.randint(0, SYMBOLS, (STREAMS, length))
    for t in range(2, length):
        out[:, t] = torch.multinomial(table[out[:, t - 2], out[:, t - 1]], 1).squeeze(1)
    return out


class CharRNN(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.emb = nn.Embedding(SYMBOLS, 12)
        self.rnn = nn.RNN(12, hidden, batch_first=True)
        self.decoder = nn.Linear(hidden, SYMBOLS)

    def forward(self, x, h):
        y, h = self.rnn(self.emb(x), h)
        return self.decoder(y), h


def repackage(h):
    return h.detach() if h is not None else None


train, val = text(2001), text(1001)
net = CharRNN()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
ce = nn.CrossEntropyLoss()
for epoch in range(1, EPOCHS + 1):
    net.train()
    hidden, total, chunks = None, 0.0, 0
    for start in range(0, train.shape[1] - 1, CHUNK):
        x, y = train[:, start:start + CHUNK], train[:, start + 1:start + CHUNK + 1]
        hidden = repackage(hidden)
        logits, hidden = net(x, hidden)
        loss = ce(logits.reshape(-1, SYMBOLS), y.reshape(-1))
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        opt.step()
        total += loss.item()
        chunks += 1
    sched.step()
    net.eval()
    with torch.no_grad():
        logits, _ = net(val[:, :-1], None)
        vl = ce(logits.reshape(-1, SYMBOLS), val[:, 1:].reshape(-1)).item()
        acc = (logits.argmax(2) == val[:, 1:]).float().mean().item()
    print(f"epoch {epoch} train loss {total / chunks:.4f} val loss {vl:.4f} next letter right {acc:.3f}")
best = -table[val[:, :-2], val[:, 1:-1]].gather(2, val[:, 2:, None]).log().mean().item()
print(f"val loss {vl:.4f} (entropy of the source {best:.4f})")
