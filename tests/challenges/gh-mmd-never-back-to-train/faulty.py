import torch
import torch.nn as nn

VOCAB, LENGTH, INTENTS = 120, 10, 6
torch.manual_seed(70)
meaning = torch.softmax(1.1 * torch.randn(INTENTS, VOCAB), 1)


def questions(n):
    intent = torch.randint(0, INTENTS, (n,))
    words = torch.multinomial(meaning[intent], LENGTH, replacement=True)
    wrong = torch.rand(n) < 0.15
    return words, torch.where(wrong, torch.randint(0, INTENTS, (n,)), intent)


class IntentModel(nn.Module):
    def __init__(self, d_model=48, p=0.4):
        super().__init__()
        self.word = nn.Embedding(VOCAB, d_model)
        self.place = nn.Parameter(0.02 * torch.randn(LENGTH, d_model))
        layer = nn.TransformerEncoderLayer(d_model, 4, 64, dropout=p, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.drop = nn.Dropout(p)
        self.intent = nn.Linear(d_model, INTENTS)

    def forward(self, words):
        h = self.encoder(self.drop(self.word(words) + self.place))
        return self.intent(self.drop(h.mean(1)))


def evaluate(model, words, intent):
    model.eval()
    with torch.no_grad():
        scores = model(words)
    return nn.functional.cross_entropy(scores, intent).item(), (scores.argmax(1) == intent).float().mean().item()


train_words, train_intent = questions(900)
val_words, val_intent = questions(600)
model = IntentModel()
epochs = 18
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
model.train()
for epoch in range(epochs):
    for rows in torch.randperm(900).split(45):
        loss = nn.functional.cross_entropy(model(train_words[rows]), train_intent[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    val_loss, accuracy = evaluate(model, val_words, val_intent)
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} accuracy {accuracy:.4f}")
print(f"final: val loss {val_loss:.4f}, accuracy {accuracy:.4f}")
