import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

torch.manual_seed(37)
WORDS, LENGTH, TOPICS = 60, 12, 5


def sentences(n):
    topic = torch.randint(0, TOPICS, (n,))
    own = topic[:, None] * 8 + torch.randint(0, 8, (n, LENGTH))
    other = torch.randint(0, WORDS, (n, LENGTH))
    return torch.where(torch.rand(n, LENGTH) < 0.25, own, other), topic


class Tagger(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.emb = nn.Embedding(WORDS, 16)
        self.drop = nn.Dropout(p)
        self.lstm = nn.LSTM(16, 32, batch_first=True, bidirectional=True)
        self.out = nn.Linear(64, TOPICS)

    def forward(self, w):
        h, _ = self.lstm(self.drop(self.emb(w)))
        return self.out(self.drop(h.mean(1)))


train_w, train_t = sentences(3500)
val_w, val_t = sentences(800)
model = Tagger()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
epochs = 12
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)


@torch.no_grad()
def validate():
    loss, hits = 0.0, 0
    for i in range(0, len(val_w), 100):
        logits = model(val_w[i:i + 100])
        loss += criterion(logits, val_t[i:i + 100]).item()
        hits += (logits.argmax(-1) == val_t[i:i + 100]).sum().item()
    return loss / (len(val_w) // 100), hits / len(val_w)


for epoch in range(1, epochs + 1):
    losses = []
    for idx in torch.randperm(len(train_w)).split(70):
        optimizer.zero_grad()
        loss = criterion(model(train_w[idx]), train_t[idx])
        loss.backward()
        clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    vl, va = validate()
    print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {vl:.4f} val accuracy {va:.3f}")
print(f"final: val loss {vl:.3f} val accuracy {va:.3f}")
