import torch
from torch import nn

torch.manual_seed(21)
VOCAB, KEYS, LENGTH = 20, 4, 90
EPOCHS = 9


def sentences(n):
    """Filler words; the very first word is one of four openings and decides the class."""
    tokens = torch.randint(KEYS, VOCAB, (n, LENGTH))
    label = torch.randint(0, KEYS, (n,))
    tokens[:, 0] = label
    noisy = torch.rand(n) < 0.1
    label[noisy] = torch.randint(0, KEYS, (int(noisy.sum()),))
    return tokens, label


class OpeningClassifier(nn.Module):
    def __init__(self, emb=16, hidden=48):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, emb)
        self.rnn = nn.RNN(emb, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, KEYS)

    def forward(self, tokens):
        _, h = self.rnn(self.embedding(tokens))
        return self.fc(h[-1])


val_x, val_y = sentences(500)
model = OpeningClassifier()
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(1, EPOCHS + 1):
    model.train()
    total = 0.0
    for _ in range(40):
        x, y = sentences(40)
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() / 40
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val = loss_fn(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} val accuracy {acc:.3f}")
