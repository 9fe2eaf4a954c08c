import math

import torch
from torch import nn

torch.manual_seed(44)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=32):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, d_model)
        pe[:, 0::2] = torch.sin(position * div)
        pe[:, 1::2] = torch.cos(position * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[:x.size(1)]


class Encoder(nn.Module):
    def __init__(self, n_events, d_model=32, n_head=4, n_out=2):
        super().__init__()
        self.embed = nn.Embedding(n_events, d_model)
        self.pos_encoder = PositionalEncoding(d_model)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(d_model, n_head, 64, 0.1, batch_first=True), 1)
        self.readout = nn.Linear(d_model, n_out)

    def forward(self, events):
        x = self.embed(events)
        x = self.pos_encoder(x)
        x = self.layers(x)
        return self.readout(x.mean(dim=1))


def sessions(n, length=12, n_events=20):
    """visits to a shop; a basket is bought when event 1 (basket) comes before event 2 (prices seen), as a rule"""
    events = torch.randint(3, n_events, (n, length))
    first = torch.rand(n) < 0.5
    a, b = torch.rand(n, length).topk(2, dim=1).indices.sort(dim=1).values.unbind(1)
    rows = torch.arange(n)
    events[rows, a] = torch.where(first, 1, 2)
    events[rows, b] = torch.where(first, 2, 1)
    return events, (first ^ (torch.rand(n) < 0.1)).long()


def run(epochs=15, batch_size=50):
    events, bought = sessions(2500)
    val_events, val_bought = sessions(800)
    model = Encoder(20)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * len(events) // batch_size)
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for idx in torch.randperm(len(events)).split(batch_size):
            loss = nn.functional.cross_entropy(model(events[idx]), bought[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            logits = model(val_events)
        val_loss = nn.functional.cross_entropy(logits, val_bought).item()
        accuracy = (logits.argmax(1) == val_bought).float().mean().item()
        print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f}")
    print(f"final: val loss {val_loss:.4f}, accuracy {accuracy:.3f}")


run()
