import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(31)
VOCAB, TAGS, LENGTH = 60, 5, 16


def sentences(n):
    """Words 0..39 have a tag of their own, words 40..59 take the tag of the word before; a few tags are wrong."""
    own = torch.cat([torch.zeros(22), torch.ones(8), torch.full((5,), 2), torch.full((3,), 3), torch.full((2,), 4)]).long()
    words = torch.randint(0, VOCAB, (n, LENGTH))
    words[:, 0] = torch.randint(0, 40, (n,))
    tags = torch.zeros_like(words)
    tags[:, 0] = own[words[:, 0]]
    for t in range(1, LENGTH):
        tags[:, t] = torch.where(words[:, t] < 40, own[words[:, t].clamp(max=39)], tags[:, t - 1])
    noise = torch.rand(n, LENGTH) < 0.1
    return words, torch.where(noise, torch.randint(0, TAGS, (n, LENGTH)), tags)


class Tagger(nn.Module):
    def __init__(self, d_model=32, nhead=4):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, d_model)
        position = torch.arange(LENGTH).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-math.log(1000.0) / d_model))
        pe = torch.zeros(LENGTH, d_model)
        pe[:, 0::2] = torch.sin(position * div)
        pe[:, 1::2] = torch.cos(position * div)
        self.register_buffer("pe", pe)
        layer = nn.TransformerEncoderLayer(d_model, nhead, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, norm=nn.LayerNorm(d_model), enable_nested_tensor=False)
        self.decoder = nn.Linear(d_model, TAGS)

    def forward(self, words):
        hidden = self.encoder(self.embed(words) + self.pe)
        return F.log_softmax(self.decoder(hidden), dim=1)


def main():
    words, tags = sentences(2400)
    val_words, val_tags = sentences(600)
    model = Tagger()
    epochs = 14
    batch_size = 50
    steps = len(words) // batch_size
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * steps, pct_start=0.2)
    criterion = nn.NLLLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(words)).split(batch_size):
            log_probs = model(words[rows])
            loss = criterion(log_probs.reshape(-1, TAGS), tags[rows].reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            log_probs = model(val_words)
            val_loss = criterion(log_probs.reshape(-1, TAGS), val_tags.reshape(-1)).item()
            right = (log_probs.argmax(-1) == val_tags).float().mean().item()
        print(f"epoch {epoch} train loss {total / steps:.4f} val loss {val_loss:.4f} tags right {right:.3f}")
    print(f"final: val loss {val_loss:.3f}, tags right {right:.3f}")


main()
