import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(8)
wine = load_wine()
x_train, x_test, y_train, y_test = train_test_split(wine.data, wine.target, test_size=0.4, random_state=8, stratify=wine.target)
scaler = StandardScaler()
x_train = torch.FloatTensor(scaler.fit_transform(x_train))
x_test = torch.FloatTensor(scaler.transform(x_test))
y_train = torch.LongTensor(y_train)
y_test = torch.LongTensor(y_test)

model = nn.Sequential(nn.Linear(13, 12), nn.ReLU(), nn.Linear(12, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05, weight_decay=0.02)

epochs = 150
for epoch in range(epochs):
    optimizer.zero_grad()
    loss = criterion(model(x_train), y_train)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        prediction = model(x_test)
        val_loss = criterion(prediction, y_test).item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f}")
print(f"final: accuracy {(prediction.argmax(1) == y_test).float().mean().item():.3f}")
