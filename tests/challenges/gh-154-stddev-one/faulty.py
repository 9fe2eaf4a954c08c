import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(6)
N_CONTEXT, N_MEL, N_HIDDEN, N_PHONES = 5, 13, 96, 8
default_stddev = 1.0
relu_clip = 20.0
EPOCHS = 15


def frames(n, seed):
    """windows of mel features around a frame, label: the phone that was noted"""
    rng = np.random.RandomState(seed)
    base = np.random.RandomState(8).normal(0, 1, (N_PHONES, 2, N_CONTEXT, N_MEL))
    y = rng.randint(0, N_PHONES, n)
    voice = rng.randint(0, 2, n)
    x = 0.45 * base[y, voice] * rng.choice([-1, 1], (n, 1, 1)) + rng.normal(0, 0.9, (n, N_CONTEXT, N_MEL))
    heard = np.where(rng.rand(n) < 0.12, rng.randint(0, N_PHONES, n), y)
    return torch.tensor(x.reshape(n, -1), dtype=torch.float32), torch.tensor(heard)


def variable_on_cpu(shape):
    return torch.nn.Parameter(torch.randn(shape) * default_stddev)


class SpeechModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        n_input = N_CONTEXT * N_MEL
        self.h1, self.b1 = variable_on_cpu((n_input, N_HIDDEN)), torch.nn.Parameter(torch.zeros(N_HIDDEN))
        self.h2, self.b2 = variable_on_cpu((N_HIDDEN, N_HIDDEN)), torch.nn.Parameter(torch.zeros(N_HIDDEN))
        self.h3, self.b3 = variable_on_cpu((N_HIDDEN, N_HIDDEN)), torch.nn.Parameter(torch.zeros(N_HIDDEN))
        self.h6, self.b6 = variable_on_cpu((N_HIDDEN, N_PHONES)), torch.nn.Parameter(torch.zeros(N_PHONES))
        self.dropout = torch.nn.Dropout(0.2)

    def forward(self, x):
        x = self.dropout((x @ self.h1 + self.b1).clamp(0, relu_clip))
        x = self.dropout((x @ self.h2 + self.b2).clamp(0, relu_clip))
        x = self.dropout((x @ self.h3 + self.b3).clamp(0, relu_clip))
        return x @ self.h6 + self.b6


train_x, train_y = frames(6000, 1)
val_x, val_y = frames(1500, 2)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=64, shuffle=True)
model = SpeechModel()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
cross_entropy = torch.nn.CrossEntropyLoss()

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val = cross_entropy(out, val_y).item()
        per = (out.argmax(1) != val_y).float().mean().item()
    print(f"epoch {epoch:2d} train {total / len(train_x):.4f} val loss {val:.4f} frame error {per:.3f}")
print(f"final: frame error {per:.3f} (chance {1 - 1 / N_PHONES:.3f})")
