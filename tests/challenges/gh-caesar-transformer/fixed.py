import torch
import torch.nn as nn

torch.manual_seed(30)
VOCAB, LENGTH, BATCH, STEPS = 16, 10, 64, 30
EPOCHS = 24


def samples(n):
    """cipher text: the first token is the key, every other token was shifted by it, some were garbled on the way"""
    key = torch.randint(0, VOCAB, (n, 1))
    plain = torch.randint(0, VOCAB, (n, LENGTH))
    cipher = (plain + key) % VOCAB
    garbled = torch.rand(n, LENGTH) < 0.1
    cipher = torch.where(garbled, torch.randint(0, VOCAB, (n, LENGTH)), cipher)
    return torch.cat([key, cipher], 1), plain


class Decipher(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, dim)
        self.position = nn.Parameter(0.02 * torch.randn(1, LENGTH + 1, dim))
        layer = nn.TransformerEncoderLayer(dim, nhead=4, dim_feedforward=128, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2)
        self.out = nn.Linear(dim, VOCAB)

    def forward(self, tokens):
        h = self.encoder(self.embed(tokens) + self.position)
        return self.out(h[:, 1:])


model = Decipher()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()
x_val, y_val = samples(500)

for epoch in range(EPOCHS):
    model.train()
    running = 0.0
    for _ in range(STEPS):
        x, y = samples(BATCH)
        loss = criterion(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item() / STEPS
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out.flatten(0, 1), y_val.flatten()).item()
        accuracy = (out.argmax(-1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {running:.4f} val loss {val_loss:.4f} token accuracy {accuracy:.4f}")
