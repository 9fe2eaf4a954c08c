import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

PAD, START, END, FIRST, LETTERS = 0, 1, 2, 3, 9
MAX_LEN = 6


def batch(n, g):
    """words of 3 to 6 letters; the target is the same word backwards"""
    length = torch.randint(3, MAX_LEN + 1, (n,), generator=g)
    words = torch.randint(FIRST, FIRST + LETTERS, (n, MAX_LEN), generator=g)
    pos = torch.arange(MAX_LEN)
    words = words.masked_fill(pos >= length[:, None], PAD)
    index = (length[:, None] - 1 - pos).clamp(min=0)
    back = words.gather(1, index).masked_fill(pos >= length[:, None], PAD)
    target = torch.cat([back, torch.full((n, 1), PAD)], 1)
    target[torch.arange(n), length] = END
    # a letter is misspelt now and then
    wrong = (torch.rand(target.shape, generator=g) < 0.1) & (target >= FIRST)
    target = torch.where(wrong, torch.randint(FIRST, FIRST + LETTERS, target.shape, generator=g), target)
    decoder_in = torch.cat([torch.full((n, 1), START), target[:, :-1]], 1)
    return words, length, decoder_in, target


class Seq2Seq(nn.Module):
    def __init__(self, vocab=FIRST + LETTERS, emb=24, hidden=96):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb, padding_idx=PAD)
        self.encoder = nn.LSTM(emb, hidden, batch_first=True)
        self.decoder = nn.LSTM(emb, hidden, batch_first=True)
        self.project = nn.Linear(hidden, vocab)

    def forward(self, words, length, decoder_in):
        packed = pack_padded_sequence(self.embedding(words), length, batch_first=True, enforce_sorted=False)
        _, state = self.encoder(packed)
        out, _ = self.decoder(self.embedding(decoder_in), state)
        return self.project(out)


g = torch.Generator().manual_seed(14)
torch.manual_seed(14)
model = Seq2Seq()
criterion = nn.CrossEntropyLoss(ignore_index=PAD)
epochs = 16
optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
validation = batch(1000, g)

for epoch in range(1, epochs + 1):
    model.train()
    running = 0.0
    for _ in range(45):
        words, length, decoder_in, target = batch(100, g)
        logits = model(words, length, decoder_in)
        loss = criterion(logits.transpose(1, 2), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        running += loss.item() / 45
    scheduler.step()
    model.eval()
    with torch.no_grad():
        words, length, decoder_in, target = validation
        logits = model(words, length, decoder_in)
        val_loss = criterion(logits.transpose(1, 2), target).item()
        letters = target != PAD
        accuracy = (logits.argmax(-1) == target)[letters].float().mean().item()
    print(f"epoch {epoch} train loss {running:.4f} val loss {val_loss:.4f} letters right {accuracy:.4f}")
