# duration of the phonemes from their neighbourhood
import torch
import torch.nn as nn

SEED = 51
EPOCHS = 12
BATCH_SIZE = 32
LEARNING_RATE = 0.002
PHONEMES, LENGTH = 24, 14

torch.manual_seed(SEED)
own = torch.randn(PHONEMES)
pull = torch.randn(PHONEMES)


def utterances(n):
    text = torch.randint(0, PHONEMES, (n, LENGTH))
    after = nn.functional.pad(pull[text][:, 1:], (0, 1))
    duration = own[text] * (1 + 0.5 * after.tanh()) + after + 0.45 * torch.randn(n, LENGTH)
    return text, duration / 1.4


class DurationPredictor(nn.Module):
    def __init__(self, d=32, heads=2, blocks=3):
        super().__init__()
        self.embedding = nn.Embedding(PHONEMES, d)
        self.position = nn.Embedding(LENGTH, d)
        layer = nn.TransformerEncoderLayer(d, heads, 2 * d, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, blocks)
        self.linear = nn.Linear(d, 1)

    def forward(self, text):
        h = self.embedding(text) + self.position(torch.arange(LENGTH))
        return self.linear(self.encoder(h)).squeeze(2)


text, duration = utterances(1300)
val_text, val_duration = utterances(400)
model = DurationPredictor()
optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98))
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=EPOCHS)
criterion = nn.MSELoss()

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(text)).split(BATCH_SIZE):
        loss = criterion(model(text[idx]), duration[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = criterion(model(val_text), val_duration).item()
    print(f"epoch {epoch + 1}: duration loss {total / len(text):.4f} val loss {val:.4f}")
print(f"final: val loss {val:.4f}, variance of the durations {val_duration.var().item():.4f}")
