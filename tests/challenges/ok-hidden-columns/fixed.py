import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ColumnFiller(nn.Module):
    """each column of a row is a token; hidden ones are told from the others"""

    def __init__(self, columns, width=24):
        super().__init__()
        self.scale, self.shift = nn.Parameter(0.3 * torch.randn(columns, width)), nn.Parameter(0.3 * torch.randn(columns, width))
        self.hidden = nn.Parameter(0.02 * torch.randn(width))
        layer = nn.TransformerEncoderLayer(width, 2, 48, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, x, mask):
        tokens = x.unsqueeze(2) * self.scale
        tokens = torch.where(mask.unsqueeze(2), self.hidden, tokens) + self.shift
        return self.out(self.norm(self.encoder(tokens))).squeeze(2)


def hide(x, share=0.3, generator=None):
    return torch.rand(x.shape, generator=generator) < share


torch.manual_seed(15)
data = torch.tensor(load_breast_cancer().data[:, :20], dtype=torch.float32)
data = data[torch.randperm(len(data), generator=torch.Generator().manual_seed(15))]
data = (data - data[:420].mean(0)) / data[:420].std(0)
data = data.clamp(-3, 3) + 0.5 * torch.randn(data.shape, generator=torch.Generator().manual_seed(15))
train, val = data[:420], data[420:].repeat(4, 1)
val_mask = hide(val, generator=torch.Generator().manual_seed(15))
model = ColumnFiller(20)
epochs = 24
loader = DataLoader(TensorDataset(train), batch_size=42, shuffle=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
warm, total_steps = 2 * len(loader), epochs * len(loader)
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: (s + 1) / warm if s < warm else 0.5 * (1 + torch.cos(torch.tensor(3.1416 * (s - warm) / (total_steps - warm))).item()))
for epoch in range(epochs):
    model.train()
    running = 0.0
    for x, in loader:
        mask = hide(x)
        loss = (model(x, mask) - x)[mask].pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        running += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        val_loss = (model(val, val_mask) - val)[val_mask].pow(2).mean().item()
    print(f"epoch {epoch + 1} loss {running:.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f}, variance of the hidden values {val[val_mask].var().item():.4f}")
