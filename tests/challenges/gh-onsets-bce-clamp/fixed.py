import torch
import torch.nn as nn
import torch.nn.functional as F


class OnsetNet(nn.Module):
    """marks the frames where a note begins"""

    def __init__(self, bins=5, model_size=20):
        super().__init__()
        self.sequence = nn.LSTM(bins, model_size, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * model_size, 1)

    def forward(self, mel):
        states, _ = self.sequence(mel)
        return torch.sigmoid(self.out(states)).squeeze(-1)

    def run_on_batch(self, mel, onset):
        prediction = self(mel)
        return {"loss": F.binary_cross_entropy(prediction, onset), "onset": prediction}


def songs(n, frames=30):
    onset = (torch.rand(n, frames) < 0.25).float()
    level = torch.zeros(n, frames)
    for t in range(frames):
        level[:, t] = torch.where(onset[:, t] > 0, 1.0, 0.7 * level[:, t - 1] if t else 0.0)
    mel = level.unsqueeze(2) * torch.linspace(0.5, 1.5, 5) + 0.9 * torch.randn(n, frames, 5)
    return (mel - 0.5) / 1.0, onset


torch.manual_seed(55)
mel, onset = songs(500)
val_mel, val_onset = songs(200)
model = OnsetNet()
epochs = 16
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    for idx in torch.randperm(len(mel)).split(16):
        losses = model.run_on_batch(mel[idx], onset[idx])
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        result = model.run_on_batch(val_mel, val_onset)
        found = (result["onset"] > 0.5).float()
        f1 = 2 * (found * val_onset).sum().item() / (found.sum() + val_onset.sum()).item()
    print(f"epoch {epoch + 1} loss {losses['loss'].item():.4f} val loss {result['loss'].item():.4f} f1 {f1:.4f}")
print(f"final: val loss {result['loss'].item():.4f}, f1 {f1:.4f}")
