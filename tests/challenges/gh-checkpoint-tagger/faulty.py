import io
import math
import torch
from torch import nn

torch.manual_seed(21)
VOCAB, LENGTH, CLASSES = 60, 16, 4


class Encoder(nn.Module):
    def __init__(self, dim=48, heads=4, layers=2, dropout=0.4):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB + 1, dim)
        self.places = nn.Parameter(0.02 * torch.randn(LENGTH, dim))
        layer = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.drop = nn.Dropout(dropout)

    def forward(self, ids):
        return self.blocks(self.drop(self.tokens(ids) + self.places))


# ---- text: each topic prefers its own words; the words of a topic come in runs
topic_words = torch.randn(8, VOCAB).mul(1.3).softmax(1)


def texts(n, topics):
    first = torch.multinomial(topic_words[topics], LENGTH, replacement=True)
    noise = torch.randint(0, VOCAB, (n, LENGTH))
    return torch.where(torch.rand(n, LENGTH) < 0.5, noise, first)


def pretrain(steps=60):
    encoder, head = Encoder(), nn.Linear(48, VOCAB)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=2e-3)
    for _ in range(steps):
        ids = texts(64, torch.randint(0, 8, (64,)))
        hidden = torch.rand(ids.shape) < 0.2
        logits = head(encoder(ids.masked_fill(hidden, VOCAB)))
        loss = nn.functional.cross_entropy(logits[hidden], ids[hidden])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    file = io.BytesIO()
    torch.save(encoder.state_dict(), file)
    file.seek(0)
    return file


def load_pretrained(file):
    encoder = Encoder()
    encoder.load_state_dict(torch.load(file))
    return encoder.eval()


class TopicModel(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(0.4)
        self.head = nn.Linear(48, CLASSES)

    def forward(self, ids):
        return self.head(self.drop(self.encoder(ids).mean(1)))


model = TopicModel(load_pretrained(pretrain()))

y_train, y_val = torch.randint(0, CLASSES, (450,)), torch.randint(0, CLASSES, (500,))
x_train, x_val = texts(450, y_train), texts(500, y_val)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
criterion = nn.CrossEntropyLoss()
EPOCHS = 14


@torch.no_grad()
def validate():
    was_training = [m for m in model.modules() if m.training]
    model.eval()
    out = model(x_val)
    for m in was_training:
        m.training = True
    return criterion(out, y_val).item(), (out.argmax(1) == y_val).float().mean().item()


for epoch in range(EPOCHS):
    for group in optimizer.param_groups:
        group["lr"] = 2e-3 * 0.5 * (1 + math.cos(math.pi * epoch / EPOCHS))
    total = 0.0
    for idx in torch.randperm(450).split(25):
        loss = criterion(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    val_loss, val_acc = validate()
    print(f"epoch {epoch + 1}: train loss {total / 450:.4f}, val loss {val_loss:.4f}, val acc {val_acc:.3f}")
