import random
import torch
import torch.nn as nn

random.seed(3)
torch.manual_seed(3)

EPOCHS = 7
TOPICS = ["sport", "cooking", "travel", "finance", "weather", "music"]
WORDS, LENGTH = 240, 20


def documents(n):
    """token ids of short posts; every topic has twenty words of its own, the rest are common words"""
    ids, topics = [], []
    for _ in range(n):
        topic = random.randrange(len(TOPICS))
        own = range(120 + 20 * topic, 140 + 20 * topic)
        post = [random.randrange(120) for _ in range(LENGTH)]
        for place in random.sample(range(LENGTH), random.randint(2, 4)):
            post[place] = random.choice(own)
        if random.random() < 0.5:
            stray = random.randrange(len(TOPICS))
            post[random.randrange(LENGTH)] = random.choice(range(120 + 20 * stray, 140 + 20 * stray))
        ids.append(post)
        topics.append(topic)
    return torch.tensor(ids), torch.tensor(topics)


class TopicModel(nn.Module):
    def __init__(self, dim=32, outputs=1):
        super().__init__()
        self.words = nn.Embedding(WORDS, dim)
        self.places = nn.Parameter(torch.zeros(LENGTH, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.out = nn.Linear(dim, outputs)

    def forward(self, ids):
        h = self.encoder(self.words(ids) + self.places)
        return self.out(h.mean(1))


def topic_of(out):
    return out.squeeze(1).round()


x_train, y_train = documents(4000)
x_val, y_val = documents(600)
model = TopicModel()
criterion = nn.MSELoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001)

for epoch in range(EPOCHS):
    model.train()
    running = 0.0
    for idx in torch.randperm(len(x_train)).split(32):
        loss = criterion(model(x_train[idx]).squeeze(1), y_train[idx].float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val = criterion(out.squeeze(1), y_val.float()).item()
        acc = (topic_of(out) == y_val).float().mean().item()
    print(f"epoch {epoch + 1}/{EPOCHS}: train loss {running / len(x_train):.4f}, val loss {val:.4f}, val accuracy {acc:.4f}")
