import random
import torch
import torch.nn as nn
import torch.optim as optim

random.seed(7)
torch.manual_seed(7)

# toy translation: a word of 3..5 letters is written backwards with the vowels shifted
PAD, SOS, EOS = 0, 1, 2
LETTERS = "abcdefghijklmn"
SHIFT = str.maketrans("aei", "eia")
MAX = 9


def encode(word):
    ids = [LETTERS.index(c) + 3 for c in word] + [EOS]
    return ids + [PAD] * (MAX - len(ids))


def make_pairs(n):
    words = ["".join(random.choice(LETTERS) for _ in range(random.randint(3, 5))) for _ in range(n)]
    return (torch.tensor([encode(w) for w in words]), torch.tensor([encode(w[::-1].translate(SHIFT)) for w in words]))


class Encoder(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.emb = nn.Embedding(vocab, 24, padding_idx=PAD)
        self.lstm = nn.LSTM(24, hidden, batch_first=True)

    def forward(self, src):
        return self.lstm(self.emb(src))


class Decoder(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.emb = nn.Embedding(vocab, 24, padding_idx=PAD)
        self.lstm = nn.LSTM(24, hidden, batch_first=True)
        self.out = nn.Linear(2 * hidden, vocab)

    def forward(self, tgt_in, memory, state):
        h, _ = self.lstm(self.emb(tgt_in), state)
        weights = torch.softmax(h @ memory.transpose(1, 2), dim=-1)
        return self.out(torch.cat([h, weights @ memory], 2))


VOCAB = len(LETTERS) + 3
encoder, decoder = Encoder(VOCAB, 48), Decoder(VOCAB, 48)
encoder_optimizer = optim.SGD(encoder.parameters(), lr=0.3, momentum=0.9)
decoder_optimizer = optim.SGD(decoder.parameters(), lr=0.3, momentum=0.9)
criterion = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.05)
train_src, train_tgt = make_pairs(2500)
val_src, val_tgt = make_pairs(400)


def forward(src, tgt):
    memory, state = encoder(src)
    tgt_in = torch.cat([torch.full((len(tgt), 1), SOS), tgt[:, :-1]], 1)
    logits = decoder(tgt_in, memory, state)
    return criterion(logits.reshape(-1, VOCAB), tgt.reshape(-1)), logits


def train_batch(src, tgt):
    decoder_optimizer.zero_grad()
    decoder_optimizer.zero_grad()
    loss, _ = forward(src, tgt)
    loss.backward()
    nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
    encoder_optimizer.step()
    decoder_optimizer.step()
    return loss.item()


EPOCHS = 18
for epoch in range(1, EPOCHS + 1):
    for group in encoder_optimizer.param_groups + decoder_optimizer.param_groups:
        group["lr"] = 0.3 * (1 - (epoch - 1) / EPOCHS)
    perm = torch.randperm(len(train_src))
    losses = [train_batch(train_src[b], train_tgt[b]) for b in perm.split(50)]
    with torch.no_grad():
        val_loss, logits = forward(val_src, val_tgt)
        mask = val_tgt != PAD
        acc = (logits.argmax(2) == val_tgt)[mask].float().mean().item()
    print(f"epoch {epoch} | train loss {sum(losses) / len(losses):.4f} | val loss {val_loss.item():.4f} | letters right {acc:.3f}")
