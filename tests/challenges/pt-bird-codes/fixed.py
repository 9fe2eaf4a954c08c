import math
import torch
import torch.nn as nn

SEED = 31
torch.manual_seed(SEED)
SPECIES = 7      # codes 0 .. 6 as in the field book
LENGTH = 32


def songs(n):
    """Pitch contours of songs; every species has its own motif, started anywhere and sung at any height."""
    code = torch.randint(0, SPECIES, (n,))
    t = torch.arange(LENGTH).float()
    up = torch.tensor([0.0, 2.0, -1.0, 1.2, 0.4, -2.0, 0.9])[code][:, None]
    trill = torch.tensor([0.8, 0.1, 0.5, 1.0, 0.0, 0.2, 0.3])[code][:, None]
    rate = torch.tensor([5.0, 1.0, 8.0, 2.0, 1.0, 3.0, 7.0])[code][:, None]
    start = torch.rand(n, 1) * 6.28
    pitch = up * (t / LENGTH - 0.5) + trill * torch.sin(2 * math.pi * rate * t / LENGTH + start) + 0.3 * torch.randn(n, 1)
    return (pitch + 0.35 * torch.randn(n, LENGTH)).unsqueeze(2), code


class SongTransformer(nn.Module):
    def __init__(self, outputs, width=32):
        super().__init__()
        self.embed = nn.Conv1d(1, width, 4, stride=2, padding=1)
        self.position = nn.Parameter(0.02 * torch.randn(1, LENGTH // 2, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        h = self.embed(x.transpose(1, 2)).transpose(1, 2) + self.position
        return self.head(self.encoder(h).mean(1))


x_train, y_train = songs(1200)
x_val, y_val = songs(600)

model = SongTransformer(SPECIES)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)


def loss_of(out, y):
    return criterion(out, y)


def species(out):
    return out.argmax(1)


epochs = 12
decay = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * 30)
for epoch in range(epochs):
    total = 0.0
    for batch in torch.randperm(1200).split(40):
        optimizer.zero_grad()
        loss = loss_of(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        decay.step()
        total += loss.item() / 30
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss, accuracy = loss_of(out, y_val), (species(out) == y_val).float().mean()
    model.train()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val_loss:.4f} val accuracy {accuracy:.3f}")
