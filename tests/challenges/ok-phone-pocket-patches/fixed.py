import torch
from torch import nn

# Where is the phone: hand, pocket, bag or table? Two seconds of three-axis acceleration, cut into patches.
torch.manual_seed(19)
EPOCHS = 10
SAMPLES, PATCH, DIM = 96, 8, 32


def windows(n):
    y = torch.randint(4, (n,))
    t = torch.linspace(0, 2, SAMPLES).view(1, SAMPLES, 1)
    pace = 1.6 + 0.4 * torch.rand(n, 1, 1)
    phase = 6.28 * torch.rand(n, 1, 3)
    swing = torch.tensor([0.5, 1.0, 0.6, 0.0])[y].view(n, 1, 1) * (0.7 + 0.6 * torch.rand(n, 1, 1))
    overtone = torch.tensor([0.1, 0.6, 0.4, 0.0])[y].view(n, 1, 1)
    shake = torch.tensor([0.7, 0.4, 0.5, 0.35])[y].view(n, 1, 1)
    wave = torch.sin(6.28 * pace * t + phase) + overtone * torch.sin(12.56 * pace * t + 2 * phase)
    tilt = 0.3 * torch.randn(n, 1, 3)
    diary = torch.where(torch.rand(n) < 0.1, torch.randint(4, (n,)), y)  # people misremember
    return swing * wave + tilt + 1.6 * shake * torch.randn(n, SAMPLES, 3), diary


class PatchTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        n_patches = SAMPLES // PATCH
        self.project = nn.Linear(3 * PATCH, DIM)
        self.cls = nn.Parameter(torch.zeros(1, 1, DIM))
        self.pos = nn.Parameter(0.02 * torch.randn(1, n_patches + 1, DIM))
        layer = nn.TransformerEncoderLayer(DIM, 4, 64, dropout=0.2, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(DIM)
        self.head = nn.Linear(DIM, 4)

    def forward(self, x):
        patches = self.project(x.unfold(1, PATCH, PATCH).flatten(2))
        tokens = torch.cat([self.cls.expand(len(x), -1, -1), patches], 1) + self.pos
        return self.head(self.norm(self.blocks(tokens)[:, 0]))


x_train, y_train = windows(2000)
x_val, y_val = windows(800)
model = PatchTransformer()
steps = len(x_train) // 40
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=EPOCHS * steps)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(1, EPOCHS + 1):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(40):
        loss = loss_fn(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() / steps
    model.eval()
    with torch.inference_mode():
        logits = model(x_val)
        val = loss_fn(logits, y_val).item()
        acc = (logits.argmax(-1) == y_val).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} accuracy {acc:.3f}")
