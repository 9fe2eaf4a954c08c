import numpy as np
import torch
from torch import nn

SEQ_LEN, N_FEATURES, HIDDEN = 120, 12, 32
TAGS = ["B", "M", "E", "S"]
EPOCHS = 10
torch.manual_seed(5)


def sentences(n, seed):
    """rows of character vectors with the tags begin / middle / end of a word or single"""
    rng = np.random.RandomState(seed)
    glyphs = np.random.RandomState(99).normal(0, 1, (4, 6, N_FEATURES))
    x = np.zeros((n, SEQ_LEN, N_FEATURES), dtype=np.float32)
    y = np.zeros((n, SEQ_LEN), dtype=np.int64)
    for i in range(n):
        t = 0
        while t < SEQ_LEN:
            length = min(rng.choice([1, 2, 3, 4], p=[0.3, 0.35, 0.2, 0.15]), SEQ_LEN - t)
            tags = [3] if length == 1 else [0] + [1] * (length - 2) + [2]
            for k, tag in enumerate(tags):
                kind = tag if rng.rand() < 0.75 else rng.randint(4)
                x[i, t + k] = glyphs[kind, rng.randint(6)] + rng.normal(0, 0.5, N_FEATURES)
                y[i, t + k] = tag
            t += length
    return torch.from_numpy(x), torch.from_numpy(y)


class TaggerLSTM(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.activation = activation
        self.kernel = nn.Linear(N_FEATURES, 4 * HIDDEN)
        self.recurrent = nn.Linear(HIDDEN, 4 * HIDDEN, bias=False)
        self.dense = nn.Linear(HIDDEN, len(TAGS))
        nn.init.xavier_uniform_(self.kernel.weight)
        nn.init.zeros_(self.kernel.bias)
        nn.init.ones_(self.kernel.bias[HIDDEN:2 * HIDDEN])
        for k in range(4):
            nn.init.orthogonal_(self.recurrent.weight[k * HIDDEN:(k + 1) * HIDDEN])

    def forward(self, x):
        h = c = x.new_zeros(len(x), HIDDEN)
        z, out = self.kernel(x), []
        for t in range(x.shape[1]):
            i, f, g, o = (z[:, t] + self.recurrent(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * self.activation(g)
            h = torch.sigmoid(o) * self.activation(c)
            out.append(h)
        return self.dense(torch.stack(out, 1))


x_train, y_train = sentences(360, 0)
x_val, y_val = sentences(100, 1)
model = TaggerLSTM(torch.tanh)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(EPOCHS):
    order = torch.randperm(len(x_train))
    seen = 0.0
    for b in order.split(32):
        loss = loss_fn(model(x_train[b]).flatten(0, 1), y_train[b].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += loss.item() * len(b)
    scheduler.step()
    with torch.no_grad():
        logits = model(x_val)
        val_loss = loss_fn(logits.flatten(0, 1), y_val.flatten()).item()
        acc = (logits.argmax(-1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} loss {seen / len(x_train):.4f} - val loss {val_loss:.4f} - val acc {acc:.4f}")
print(f"final: tag accuracy {acc:.4f}")
