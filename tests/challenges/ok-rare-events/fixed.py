import torch
import torch.nn as nn
from sklearn.metrics import average_precision_score, confusion_matrix
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

SEED = 52
torch.manual_seed(SEED)


def payments(n, share):
    """12 standardised columns of a card payment; fraud (rare) moves some of them"""
    y = (torch.rand(n) < share).float()
    x = torch.randn(n, 12)
    kind = torch.rand(n) < 0.5
    shift = torch.zeros(n, 12)
    shift[:, :4] = torch.where(kind, 1.6, -1.6)[:, None]
    shift[:, 4:6] = 1.3
    return x + y[:, None] * shift, y


x_train, y_train = payments(9000, 0.03)
x_val, y_val = payments(4000, 0.03)
print(f"{int(y_train.sum())} frauds among {len(y_train)} payments")

# every batch is drawn half from the frauds, half from the others; the same mixture is used for the validation loss
share = y_train.mean()
draw = torch.where(y_train > 0, 0.5 / share, 0.5 / (1 - share))
sampler = WeightedRandomSampler(draw.double(), num_samples=4000, replacement=True)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=100, sampler=sampler)
val_weight = torch.where(y_val > 0, 0.5 / y_val.mean(), 0.5 / (1 - y_val.mean()))

model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1), nn.Flatten(0))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
epochs = 15
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
bce = nn.BCEWithLogitsLoss()

for epoch in range(1, epochs + 1):
    model.train()
    running = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = bce(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        logit = model(x_val)
        val_loss = nn.functional.binary_cross_entropy_with_logits(logit, y_val, weight=val_weight).item()
    found = ((logit > 0) & (y_val > 0)).sum().item() / y_val.sum().item()
    kept = ((logit <= 0) & (y_val == 0)).sum().item() / (1 - y_val).sum().item()
    print(f"epoch {epoch} train loss {running:.4f} val loss {val_loss:.4f} frauds found {found:.3f} others passed {kept:.3f} "
          f"average precision {average_precision_score(y_val, logit):.3f}")
print(confusion_matrix(y_val, (logit > 0).float()))
