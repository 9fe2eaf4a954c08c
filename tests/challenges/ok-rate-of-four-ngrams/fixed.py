"""Supervised fastText by hand: hashed word n-grams, one mean, one linear layer, plain SGD with a falling rate."""
import argparse
import random
import zlib
import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--buckets", type=int, default=20000)
parser.add_argument("--dim", type=int, default=10)
parser.add_argument("--lr", type=float, default=4.0)
parser.add_argument("--epochs", type=int, default=14)
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--seed", type=int, default=2)
opts = parser.parse_args()

random.seed(10 * opts.seed + 1)
torch.manual_seed(opts.seed)
SUBJECTS = {"kitchen": "oven pan knife kettle sink plate spoon fridge".split(),
            "garden": "rake hedge lawn spade hose pot seed fence".split(),
            "garage": "tyre jack wrench oil pump bolt clutch lamp".split(),
            "office": "desk printer stapler folder screen chair pen cable".split()}
FILLER = "the a my this new old very quite good bad it works broke again after one week with of for and".split()
LABELS = list(SUBJECTS)


def review():
    label = random.randrange(len(LABELS))
    words = [random.choice(FILLER) for _ in range(random.randint(8, 16))]
    for _ in range(random.randint(1, 3)):
        words.insert(random.randrange(len(words)), random.choice(SUBJECTS[LABELS[label]]))
    if random.random() < 0.3:
        words.insert(0, random.choice(SUBJECTS[random.choice(LABELS)]))
    return words, label


def hashed(words):
    grams = words + [f"{a} {b}" for a, b in zip(words, words[1:])]
    return [zlib.crc32(g.encode()) % opts.buckets for g in grams]


def tensors(reviews):
    ids, offsets = [], []
    for words, _ in reviews:
        offsets.append(len(ids))
        ids += hashed(words)
    return torch.tensor(ids), torch.tensor(offsets), torch.tensor([label for _, label in reviews])


train_reviews, val_reviews = [review() for _ in range(3200)], [review() for _ in range(800)]
val_ids, val_offsets, val_labels = tensors(val_reviews)

bag = nn.EmbeddingBag(opts.buckets, opts.dim, mode="mean")
nn.init.uniform_(bag.weight, -1 / opts.dim, 1 / opts.dim)
classify = nn.Linear(opts.dim, len(LABELS), bias=False)
nn.init.zeros_(classify.weight)
optimizer = torch.optim.SGD([*bag.parameters(), *classify.parameters()], lr=opts.lr)
criterion = nn.CrossEntropyLoss()
steps = opts.epochs * (len(train_reviews) // opts.batch)
falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: 1 - s / steps)

for epoch in range(1, opts.epochs + 1):
    random.shuffle(train_reviews)
    total = 0.0
    for i in range(0, len(train_reviews), opts.batch):
        ids, offsets, labels = tensors(train_reviews[i:i + opts.batch])
        loss = criterion(classify(bag(ids, offsets)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
        total += loss.item() * len(labels)
    with torch.no_grad():
        scores = classify(bag(val_ids, val_offsets))
    val_loss = criterion(scores, val_labels).item()
    print(f"epoch {epoch} train loss {total / len(train_reviews):.4f} val loss {val_loss:.4f} "
          f"precision {(scores.argmax(1) == val_labels).float().mean().item():.3f}")
