import Apus
import Foundation

/// gym's CartPole-v1.
struct CartPole {
    let gravity = 9.8, massCart = 1.0, massPole = 0.1, length = 0.5, forceMag = 10.0, tau = 0.02
    let thetaThreshold = 12.0 * 2 * Double.pi / 360, xThreshold = 2.4
    let maxSteps = 500, rewardThreshold = 475.0
    var state: [Double] = [0, 0, 0, 0]
    var steps = 0

    mutating func reset() -> [Double] {
        state = (0..<4).map { _ in Double.random(in: -0.05...0.05) }
        steps = 0
        return state
    }

    mutating func step(_ action: Int) -> (state: [Double], reward: Double, done: Bool) {
        var (x, xDot, theta, thetaDot) = (state[0], state[1], state[2], state[3])
        let force = action == 1 ? forceMag : -forceMag
        let totalMass = massCart + massPole
        let poleMassLength = massPole * length
        let temp = (force + poleMassLength * thetaDot * thetaDot * sin(theta)) / totalMass
        let inertia = length * (4.0 / 3.0 - massPole * cos(theta) * cos(theta) / totalMass)
        let thetaAcc = (gravity * sin(theta) - cos(theta) * temp) / inertia
        let xAcc = temp - poleMassLength * thetaAcc * cos(theta) / totalMass
        x += tau * xDot
        xDot += tau * xAcc
        theta += tau * thetaDot
        thetaDot += tau * thetaAcc
        state = [x, xDot, theta, thetaDot]
        steps += 1
        let done = abs(x) > xThreshold || abs(theta) > thetaThreshold || steps >= maxSteps
        return (state, 1.0, done)
    }
}

let gamma = 0.99
let seed = 543
let logInterval = 10
let maxEpisodes = 300

var env = CartPole()
manualSeed(seed)

final class Policy: Module {
    let affine1 = Linear(4, 128)
    let dropout = Dropout(0.6)
    let affine2 = Linear(128, 2)

    var savedLogProbs: [Tensor] = []
    var rewards: [Double] = []

    override func forward(_ x: Tensor) -> Tensor {
        var x = affine1(x)
        x = dropout(x)
        x = F.relu(x)
        let actionScores = affine2(x)
        return F.softmax(actionScores, dim: 1)
    }
}

let policy = Policy()
let optimizer = Adam(policy.parameters(), lr: 1e-2)
let eps = Double(Float.ulpOfOne)

@MainActor
func selectAction(_ state: [Double]) -> Int {
    let state = Tensor(state).float().unsqueeze(0)
    let probs = policy(state)
    let m = Categorical(probs: probs)
    let action = m.sample()
    policy.savedLogProbs.append(m.logProb(action))
    return action.item(Int.self)
}

@MainActor
func finishEpisode() {
    var R = 0.0
    var policyLoss: [Tensor] = []
    var returns: [Double] = []
    for r in policy.rewards.reversed() {
        R = r + gamma * R
        returns.insert(R, at: 0)
    }
    var discounted = Tensor(returns)
    discounted = (discounted - discounted.mean()) / (discounted.std() + eps)
    for (logProb, R) in zip(policy.savedLogProbs, discounted.unbind()) {
        policyLoss.append(-logProb * R)
    }
    optimizer.zeroGrad()
    let loss = Tensor.cat(policyLoss).sum()
    loss.backward()
    optimizer.step()
    policy.rewards.removeAll()
    policy.savedLogProbs.removeAll()
}

var runningReward = 10.0
for iEpisode in 1...maxEpisodes {
    var state = env.reset()
    var epReward = 0.0
    for _ in 1..<10000 { // don't infinite loop while learning
        let action = selectAction(state)
        let (next, reward, done) = env.step(action)
        state = next
        policy.rewards.append(reward)
        epReward += reward
        if done {
            break
        }
    }

    runningReward = 0.05 * epReward + (1 - 0.05) * runningReward
    finishEpisode()
    if iEpisode % logInterval == 0 {
        print(String(format: "Episode %d\tLast reward: %.2f\tAverage reward: %.2f", iEpisode, epReward, runningReward))
    }
    if runningReward > env.rewardThreshold {
        print("Solved! Running reward is now \(runningReward) and the last episode runs to \(Int(epReward)) time steps!")
        break
    }
}
