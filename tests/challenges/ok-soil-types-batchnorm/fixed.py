# -*- coding: utf-8 -*-
"""Soil types from survey columns. Batch norm, dropout, early stopping by hand, best weights kept."""
import copy
import json
import sys
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    seed: int = 10
    batch_size: int = 128
    lr: float = 4e-3
    weight_decay: float = 1e-2
    patience: int = 12
    hidden: tuple = (64, 32)


SEED = 10
EPOCHS = 18


def build(n_in, n_out, hidden, p=0.15):
    layers = []
    for h in hidden:
        layers += [nn.Linear(n_in, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Dropout(p)]
        n_in = h
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))


def evaluate(net, loader, loss_fn):
    net.eval()
    loss, preds, truth = 0.0, [], []
    with torch.no_grad():
        for xb, yb in loader:
            out = net(xb)
            loss += loss_fn(out, yb).item() * len(xb)
            preds.append(out.argmax(1))
            truth.append(yb)
    preds, truth = torch.cat(preds).numpy(), torch.cat(truth).numpy()
    return loss / len(truth), f1_score(truth, preds, average="macro")


def main():
    cfg = Config()
    print(json.dumps(asdict(cfg)))
    torch.manual_seed(SEED)
    X, y = make_classification(9000, n_features=18, n_informative=8, n_redundant=4, n_classes=5, n_clusters_per_class=1,
                               class_sep=1.3, flip_y=0.08, weights=[0.3, 0.25, 0.2, 0.15, 0.1], random_state=SEED)
    X = X * np.geomspace(0.1, 300, 18) + np.linspace(-50, 400, 18)          # survey columns come in all units
    X_tr, X_va, y_tr, y_va = train_test_split(X, y, test_size=0.15, stratify=y, random_state=SEED)
    scaler = StandardScaler().fit(X_tr)
    tensors = [torch.tensor(scaler.transform(a), dtype=torch.float32) for a in (X_tr, X_va)]
    train = DataLoader(TensorDataset(tensors[0], torch.tensor(y_tr)), cfg.batch_size, shuffle=True, drop_last=True)
    val = DataLoader(TensorDataset(tensors[1], torch.tensor(y_va)), 512)

    net = build(18, 5, cfg.hidden)
    loss_fn = nn.CrossEntropyLoss()
    opt = torch.optim.AdamW(net.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.3, patience=2)
    best, best_state, waiting = float("inf"), None, 0
    for epoch in range(1, EPOCHS + 1):
        net.train()
        total = 0.0
        for xb, yb in train:
            opt.zero_grad()
            loss = loss_fn(net(xb), yb)
            loss.backward()
            opt.step()
            total += loss.item() / len(train)
        vl, f1 = evaluate(net, val, loss_fn)
        sched.step(vl)
        print(f"epoch {epoch} train loss {total:.4f} val loss {vl:.4f} macro f1 {f1:.3f}")
        if vl < best - 1e-4:
            best, best_state, waiting = vl, copy.deepcopy(net.state_dict()), 0
        else:
            waiting += 1
            if waiting >= cfg.patience:
                print("early stopping")
                break
    net.load_state_dict(best_state)
    print("best: loss %.4f f1 %.3f" % evaluate(net, val, loss_fn))


if __name__ == "__main__":
    main()
