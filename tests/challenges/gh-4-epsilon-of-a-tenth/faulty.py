import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(9)
EPOCHS = 15
VOCAB, TOPICS, LENGTH = 600, 8, 30


def headlines(n):
    topic = torch.randint(0, TOPICS, (n,))
    words = (torch.rand(n, LENGTH) ** 2 * VOCAB).long()
    typical = topic[:, None] * 40 + torch.randint(0, 40, (n, LENGTH))
    return torch.where(torch.rand(n, LENGTH) < 0.18, typical, words), topic


class Tagger(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.drop = nn.Dropout(0.3)
        self.hidden = nn.Linear(dim, 32)
        self.out = nn.Linear(32, TOPICS)

    def forward(self, ids):
        return self.out(self.drop(torch.relu(self.hidden(self.bag(ids)))))


def train_step(model, optimizer, ids, topic):
    model.train()
    loss = F.cross_entropy(model(ids), topic)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def validate(model, ids, topic):
    model.eval()
    with torch.no_grad():
        scores = model(ids)
    return F.cross_entropy(scores, topic).item(), (scores.argmax(-1) == topic).float().mean().item()


ids, topic = headlines(4000)
ids_val, topic_val = headlines(1000)
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.999), eps=0.1, weight_decay=2e-4)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda e: 1 - e / EPOCHS if e < EPOCHS else 0.0)

for epoch in range(EPOCHS):
    train = [train_step(model, optimizer, ids[b], topic[b]) for b in torch.randperm(len(ids)).split(64)]
    scheduler.step()
    val, acc = validate(model, ids_val, topic_val)
    print("epoch %d train loss %.4f val loss %.4f val accuracy %.3f" % (epoch + 1, sum(train) / len(train), val, acc))
