import Apus
import Foundation

let imageSize = 64
let nc = 1
let nz = 100
let ngf = 16
let ndf = 16
let niter = 1
let lr = 0.0002
let beta1 = 0.5
let batchSize = 64
let dryRun = true

// custom weights initialization called on netG and netD
func weightsInit(_ m: Module) {
    let classname = String(describing: type(of: m))
    if classname.contains("Conv") {
        if let m = m as? Conv2d {
            Init.normal_(m.weight, mean: 0.0, std: 0.02)
        } else if let m = m as? ConvTranspose2d {
            Init.normal_(m.weight, mean: 0.0, std: 0.02)
        }
    } else if let m = m as? BatchNorm2d {
        Init.normal_(m.weight, mean: 1.0, std: 0.02)
        Init.zeros_(m.bias)
    }
}

final class Generator: Module {
    let main = Sequential(
        // input is Z, going into a convolution
        ConvTranspose2d(nz, ngf * 8, 4, stride: 1, padding: 0, bias: false),
        BatchNorm2d(ngf * 8),
        ReLU(inplace: true),
        // state size. (ngf*8) x 4 x 4
        ConvTranspose2d(ngf * 8, ngf * 4, 4, stride: 2, padding: 1, bias: false),
        BatchNorm2d(ngf * 4),
        ReLU(inplace: true),
        // state size. (ngf*4) x 8 x 8
        ConvTranspose2d(ngf * 4, ngf * 2, 4, stride: 2, padding: 1, bias: false),
        BatchNorm2d(ngf * 2),
        ReLU(inplace: true),
        // state size. (ngf*2) x 16 x 16
        ConvTranspose2d(ngf * 2, ngf, 4, stride: 2, padding: 1, bias: false),
        BatchNorm2d(ngf),
        ReLU(inplace: true),
        // state size. (ngf) x 32 x 32
        ConvTranspose2d(ngf, nc, 4, stride: 2, padding: 1, bias: false),
        Tanh()
        // state size. (nc) x 64 x 64
    )

    override func forward(_ input: Tensor) -> Tensor {
        main(input)
    }
}

final class Discriminator: Module {
    let main = Sequential(
        Conv2d(nc, ndf, 4, stride: 2, padding: 1, bias: false),
        LeakyReLU(0.2, inplace: true),
        Conv2d(ndf, ndf * 2, 4, stride: 2, padding: 1, bias: false),
        BatchNorm2d(ndf * 2),
        LeakyReLU(0.2, inplace: true),
        Conv2d(ndf * 2, ndf * 4, 4, stride: 2, padding: 1, bias: false),
        BatchNorm2d(ndf * 4),
        LeakyReLU(0.2, inplace: true),
        Conv2d(ndf * 4, ndf * 8, 4, stride: 2, padding: 1, bias: false),
        BatchNorm2d(ndf * 8),
        LeakyReLU(0.2, inplace: true),
        Conv2d(ndf * 8, 1, 4, stride: 1, padding: 0, bias: false),
        Sigmoid()
    )

    override func forward(_ input: Tensor) -> Tensor {
        let output = main(input)
        return output.view(-1, 1).squeeze(1)
    }
}

let manual = Int.random(in: 1...10000)
print("Random Seed: ", manual)
manualSeed(manual)
let device = Device.best

let dataloader = try DataLoader(FashionMNIST(.train), batchSize: batchSize, shuffle: true, numWorkers: 2)

let netG = Generator().to(device)
netG.apply(weightsInit)
print(netG)

let netD = Discriminator().to(device)
netD.apply(weightsInit)
print(netD)

let criterion = BCELoss()

let fixedNoise = Tensor.randn([batchSize, nz, 1, 1], device: device)
let realLabel = 1.0
let fakeLabel = 0.0

// setup optimizer
let optimizerD = Adam(netD.parameters(), lr: lr, betas: (beta1, 0.999))
let optimizerG = Adam(netG.parameters(), lr: lr, betas: (beta1, 0.999))

for epoch in 0..<niter {
    for (i, (images, _)) in dataloader.enumerated() {
        // (1) Update D network: maximize log(D(x)) + log(1 - D(G(z)))
        // train with real
        netD.zeroGrad()
        let real = F.interpolate(images, size: [imageSize, imageSize], mode: .bilinear).to(device) * 2 - 1
        let n = real.size(0)
        let label = Tensor.full([n], realLabel, dtype: real.dtype, device: device)

        var output = netD(real)
        let errDReal = criterion(output, label)
        errDReal.backward()
        let Dx = output.mean().item()

        // train with fake
        let noise = Tensor.randn([n, nz, 1, 1], device: device)
        let fake = netG(noise)
        label.fill_(fakeLabel)
        output = netD(fake.detach())
        let errDFake = criterion(output, label)
        errDFake.backward()
        let DGz1 = output.mean().item()
        let errD = errDReal + errDFake
        optimizerD.step()

        // (2) Update G network: maximize log(D(G(z)))
        netG.zeroGrad()
        label.fill_(realLabel) // fake labels are real for generator cost
        output = netD(fake)
        let errG = criterion(output, label)
        errG.backward()
        let DGz2 = output.mean().item()
        optimizerG.step()

        print(
            String(
                format: "[%d/%d][%d/%d] Loss_D: %.4f Loss_G: %.4f D(x): %.4f D(G(z)): %.4f / %.4f",
                epoch, niter, i, dataloader.count, errD.item(), errG.item(), Dx, DGz1, DGz2))
        if dryRun && i == 20 { break }
    }
    let fake = noGrad { netG(fixedNoise) }
    print("samples", fake.shape, fake.min().item(), fake.max().item())
    try netG.stateDict().save(to: "netG_epoch_\(epoch).safetensors")
    try netD.stateDict().save(to: "netD_epoch_\(epoch).safetensors")
}
