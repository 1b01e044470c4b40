import Apus
import Foundation

final class GraphAttentionLayer: Module {
    let nHeads: Int
    let concat: Bool
    let dropout: Double
    let outFeatures: Int
    let nHidden: Int
    let W: Parameter
    let a: Parameter
    let leakyrelu: LeakyReLU

    init(
        _ inFeatures: Int, _ outFeatures: Int, _ nHeads: Int, concat: Bool = false,
        dropout: Double = 0.4, leakyReluSlope: Double = 0.2
    ) {
        self.nHeads = nHeads
        self.concat = concat
        self.dropout = dropout
        self.outFeatures = outFeatures
        if concat {
            assert(outFeatures % nHeads == 0)
            nHidden = outFeatures / nHeads
        } else {
            nHidden = outFeatures
        }
        W = Parameter(Tensor.empty([inFeatures, nHidden * nHeads]))
        a = Parameter(Tensor.empty([nHeads, 2 * nHidden, 1]))
        leakyrelu = LeakyReLU(leakyReluSlope)
        super.init()
        resetParameters()
    }

    func resetParameters() {
        Init.xavierNormal_(W)
        Init.xavierNormal_(a)
    }

    private func attentionScores(_ hTransformed: Tensor) -> Tensor {
        let sourceScores = hTransformed.matmul(a[.all, ..<nHidden, .all])
        let targetScores = hTransformed.matmul(a[.all, nHidden..., .all])
        // (nHeads, nNodes, 1) + (nHeads, 1, nNodes) = (nHeads, nNodes, nNodes)
        let e = sourceScores + targetScores.mT
        return leakyrelu(e)
    }

    func callAsFunction(_ h: Tensor, _ adjMat: Tensor) -> Tensor {
        call(h, adjMat) { h, adjMat in
            let nNodes = h.shape[0]
            var hTransformed = h.mm(W)
            hTransformed = F.dropout(hTransformed, dropout, training: training)
            hTransformed = hTransformed.view(nNodes, nHeads, nHidden).permute(1, 0, 2)

            var e = attentionScores(hTransformed)
            let connectivityMask = -9e16 * Tensor.ones(like: e)
            e = Tensor.where(adjMat > 0, e, connectivityMask) // mask the nodes that are not neighbours

            var attention = F.softmax(e, dim: -1)
            attention = F.dropout(attention, dropout, training: training)

            var hPrime = attention.matmul(hTransformed)
            if concat {
                hPrime = hPrime.permute(1, 0, 2).contiguous().view(nNodes, outFeatures)
            } else {
                hPrime = hPrime.mean(dim: 0)
            }
            return hPrime
        }
    }
}

final class GAT: Module {
    let gat1: GraphAttentionLayer
    let gat2: GraphAttentionLayer

    init(
        _ inFeatures: Int, _ nHidden: Int, _ nHeads: Int, _ numClasses: Int,
        concat: Bool = false, dropout: Double = 0.4, leakyReluSlope: Double = 0.2
    ) {
        gat1 = GraphAttentionLayer(inFeatures, nHidden, nHeads, concat: concat, dropout: dropout, leakyReluSlope: leakyReluSlope)
        gat2 = GraphAttentionLayer(nHidden, numClasses, 1, concat: false, dropout: dropout, leakyReluSlope: leakyReluSlope)
    }

    func callAsFunction(_ input: Tensor, _ adjMat: Tensor) -> Tensor {
        call(input, adjMat) { input, adjMat in
            var x = gat1(input, adjMat)
            x = F.elu(x)
            x = gat2(x, adjMat)
            return F.logSoftmax(x, dim: 1)
        }
    }
}

/// A graph of communities in place of Cora: edges within a class are likelier than between classes.
func communities(_ n: Int, _ classes: Int, _ nFeatures: Int) -> (Tensor, Tensor, Tensor) {
    let labels = Tensor.arange(n) % classes
    let same = labels.unsqueeze(0) == labels.unsqueeze(1)
    let prob = Tensor.where(same, 0.08, 0.01)
    var adj = (Tensor.rand([n, n]) < prob).float().triu(1)
    adj += adj.T.clone()
    adj += Tensor.eye(n)
    // normalise the rows, as the original's load_cora does
    adj = adj / adj.sum(dim: 1, keepDim: true)
    var features = Tensor.randn([n, nFeatures])
    features[.all, ..<classes] += F.oneHot(labels, classes).float() * 1.5
    features /= features.norm(2, dim: 1, keepDim: true)
    return (features, labels, adj)
}

func trainIter(
    _ epoch: Int, _ model: GAT, _ optimizer: Optimizer, _ criterion: NLLLoss, _ input: (Tensor, Tensor),
    _ target: Tensor, _ idxTrain: Tensor, _ idxVal: Tensor, valEvery: Int = 20
) {
    let start = Date()
    model.train()
    optimizer.zeroGrad()
    let output = model(input.0, input.1)
    let loss = criterion(output[idxTrain], target[idxTrain])
    loss.backward()
    optimizer.step()

    let (lossTrain, accTrain) = test(model, criterion, input, target, idxTrain)
    if epoch % valEvery == 0 {
        let (lossVal, accVal) = test(model, criterion, input, target, idxVal)
        print(
            String(
                format: "Epoch: %04d (%.4fs) loss_train: %.4f acc_train: %.4f loss_val: %.4f acc_val: %.4f",
                epoch, Date().timeIntervalSince(start), lossTrain, accTrain, lossVal, accVal))
    }
}

func test(_ model: GAT, _ criterion: NLLLoss, _ input: (Tensor, Tensor), _ target: Tensor, _ idx: Tensor) -> (Double, Double) {
    model.eval()
    return noGrad {
        let output = model(input.0, input.1)[idx]
        let loss = criterion(output, target[idx])
        let acc = (output.argmax(dim: 1) == target[idx]).float().mean()
        return (loss.item(), acc.item())
    }
}

manualSeed(13)
let (features, labels, adjMat) = communities(300, 4, 16)
let idx = Tensor.randperm(features.size(0))
let (idxTrain, idxVal, idxTest) = (idx[..<100], idx[100..<200], idx[200...])
print("edges:", (adjMat > 0).sum().item(Int.self), "nodes per class:", labels.bincount())

let gatNet = GAT(features.shape[1], 64, 8, labels.max().item(Int.self) + 1, concat: true, dropout: 0.6)
let optimizer = Adam(gatNet.parameters(), lr: 0.005, weightDecay: 5e-4)
let criterion = NLLLoss()
for epoch in 1...200 {
    trainIter(epoch, gatNet, optimizer, criterion, (features, adjMat), labels, idxTrain, idxVal)
}
let (lossTest, accTest) = test(gatNet, criterion, (features, adjMat), labels, idxTest)
print(String(format: "Test set results: loss %.4f accuracy %.4f", lossTest, accTest))
