#include "finewatt/meter/energy_total.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ChannelSpec channel(const std::string& id, Domain domain, const std::string& device,
                    ChannelKind kind = ChannelKind::kCounter) {
    ChannelSpec spec;
    spec.id = id;
    spec.kind = kind;
    spec.domain = domain;
    spec.device = device;
    spec.source = "test";
    return spec;
}

ChannelEnergy known(double low_j, double best_j, double high_j,
                    Provenance provenance = Provenance::kMeasured) {
    ChannelEnergy energy;
    energy.energy = joules(best_j);
    energy.energy_low = joules(low_j);
    energy.energy_high = joules(high_j);
    energy.provenance = provenance;
    energy.coverage = 1;
    return energy;
}

std::vector<std::string> counted_ids(const std::vector<ChannelSpec>& channels) {
    std::vector<std::string> ids;
    for (const std::size_t i : choose_channels(channels).counted) {
        ids.push_back(channels[i].id);
    }
    return ids;
}

TEST(ChooseChannels, TotalIsPackageAndDramAndTheGpusCounter) {
    const std::vector<ChannelSpec> channels{
        channel("pkg", Domain::kPackage, "cpu0"),
        channel("core", Domain::kCore, "cpu0"),
        channel("dram", Domain::kDram, "cpu0"),
        channel("psys", Domain::kPsys, "board"),
        channel("gpu-power", Domain::kGpu, "GPU-1", ChannelKind::kGauge),
        channel("gpu-energy", Domain::kGpu, "GPU-1"),
    };
    EXPECT_THAT(counted_ids(channels), ElementsAre("pkg", "dram", "gpu-energy"));
    const auto excluded = choose_channels(channels).excluded;
    ASSERT_EQ(excluded.size(), 3U);
    EXPECT_THAT(excluded[0].reason, HasSubstr("inside package pkg"));
    EXPECT_THAT(excluded[1].reason, HasSubstr("psys contains package and dram"));
    EXPECT_THAT(excluded[2].reason, HasSubstr("a counter beats a gauge"));
}

TEST(ChooseChannels, EverySocketIsCounted) {
    EXPECT_THAT(counted_ids({channel("p0", Domain::kPackage, "cpu0"),
                             channel("p1", Domain::kPackage, "cpu1"),
                             channel("c1", Domain::kCore, "cpu1")}),
                ElementsAre("p0", "p1"));
}

TEST(ChooseChannels, CoreCountsOnlyWhereItsPackageIsMissing) {
    EXPECT_THAT(
        counted_ids({channel("p0", Domain::kPackage, "cpu0"), channel("c0", Domain::kCore, "cpu0"),
                     channel("c1", Domain::kCore, "cpu1")}),
        ElementsAre("p0", "c1"));
}

TEST(ChooseChannels, PsysStandsInOnlyForPackageAndDram) {
    EXPECT_THAT(
        counted_ids({channel("psys", Domain::kPsys, ""), channel("c", Domain::kCore, "cpu0"),
                     channel("g", Domain::kGpu, "GPU-1")}),
        ElementsAre("psys", "g"));
    EXPECT_THAT(
        counted_ids({channel("psys", Domain::kPsys, ""), channel("dram", Domain::kDram, "cpu0")}),
        ElementsAre("dram"));
}

TEST(ChooseChannels, NodeCountsOnlyAloneAndOtherNever) {
    EXPECT_THAT(counted_ids({channel("wall", Domain::kNode, ""),
                             channel("uncore", Domain::kOther, "cpu0")}),
                ElementsAre("wall"));
    EXPECT_THAT(
        counted_ids({channel("wall", Domain::kNode, ""), channel("g", Domain::kGpu, "GPU-1")}),
        ElementsAre("g"));
    EXPECT_THAT(counted_ids({channel("uncore", Domain::kOther, "")}), IsEmpty());
}

TEST(ChooseChannels, OutletsOfAMachineAddUpAndYieldToItsParts) {
    const ChannelSpec left = channel("left", Domain::kNode, "wall:left", ChannelKind::kGauge);
    const ChannelSpec right = channel("right", Domain::kNode, "wall:right", ChannelKind::kGauge);
    EXPECT_THAT(counted_ids({left, right}), ElementsAre("left", "right"));
    EXPECT_THAT(counted_ids({left, right, channel("p0", Domain::kPackage, "cpu0")}),
                ElementsAre("p0"));
}

TEST(ChooseChannels, SlowCounterOfANodeYieldsToItsPower) {
    ChannelSpec energy = channel("plug/energy", Domain::kNode, "plug");
    energy.update_ms = 60'000;
    const std::vector<ChannelSpec> channels{
        energy, channel("plug/power", Domain::kNode, "plug", ChannelKind::kGauge)};
    EXPECT_THAT(counted_ids(channels), ElementsAre("plug/power"));
    EXPECT_THAT(choose_channels(channels).excluded[0].reason, HasSubstr("renewed more often"));
}

TEST(ChooseChannels, CoreInsideAModelOfAllPackagesIsNotAdded) {
    ChannelSpec model = channel("cpu-model", Domain::kPackage, "cpu");
    model.provenance = Provenance::kModelled;
    EXPECT_THAT(counted_ids({model, channel("c0", Domain::kCore, "cpu0")}),
                ElementsAre("cpu-model"));
}

TEST(ChooseChannels, ChannelsWithoutADeviceAreDevicesOfTheirOwn) {
    EXPECT_THAT(counted_ids({channel("a", Domain::kGpu, ""), channel("b", Domain::kGpu, "")}),
                ElementsAre("a", "b"));
}

TEST(ChooseChannels, MeasuredBeatsModelledEvenAsAGauge) {
    ChannelSpec model = channel("gpu-model", Domain::kGpu, "GPU-1");
    model.provenance = Provenance::kModelled;
    ChannelSpec other_gpu = channel("gpu2-model", Domain::kGpu, "GPU-2");
    other_gpu.provenance = Provenance::kModelled;
    ChannelSpec cpu_model = channel("cpu-model", Domain::kPackage, "cpu");
    cpu_model.provenance = Provenance::kModelled;
    const std::vector<ChannelSpec> channels{
        model, channel("gpu-power", Domain::kGpu, "GPU-1", ChannelKind::kGauge), other_gpu,
        cpu_model, channel("pkg", Domain::kPackage, "cpu0")};
    EXPECT_THAT(counted_ids(channels), ElementsAre("gpu-power", "gpu2-model", "pkg"));
    EXPECT_THAT(choose_channels(channels).excluded[0].reason, HasSubstr("measured beats modelled"));
}

TEST(TotalEnergy, IndependentSensorsCombineByRootSumSquare) {
    const std::vector<ChannelSpec> channels{channel("p", Domain::kPackage, "cpu0"),
                                            channel("d", Domain::kDram, "cpu0")};
    const std::vector<ChannelEnergy> energies{known(97, 100, 104), known(46, 50, 53)};
    const EnergyTotal total = total_energy(channels, energies, choose_channels(channels));
    EXPECT_DOUBLE_EQ(total.energy.value().as_joules(), 150);
    EXPECT_DOUBLE_EQ(total.energy_low.value().as_joules(), 145);
    EXPECT_DOUBLE_EQ(total.energy_high.value().as_joules(), 155);
    EXPECT_THAT(total.domains, ElementsAre("package", "dram"));
}

TEST(TotalEnergy, GainErrorsOfOneModelAddLinearly) {
    std::vector<ChannelSpec> channels;
    std::vector<ChannelEnergy> energies;
    for (const char* uuid : {"GPU-1", "GPU-2", "GPU-3", "GPU-4"}) {
        channels.push_back(channel(uuid, Domain::kGpu, uuid));
        channels.back().gain_error_low = 0.05;
        channels.back().gain_error_high = 0.05;
        energies.push_back(known(95, 100, 105));
        energies.back().gain_below = joules(5);
        energies.back().gain_above = joules(5);
    }
    const EnergyTotal total = total_energy(channels, energies, choose_channels(channels));
    EXPECT_DOUBLE_EQ(total.energy_low.value().as_joules(), 380);
    EXPECT_DOUBLE_EQ(total.energy_high.value().as_joules(), 420);
}

TEST(TotalEnergy, OneUnknownPartMakesItUnknownAndNamesThePart) {
    const std::vector<ChannelSpec> channels{channel("p", Domain::kPackage, "cpu0"),
                                            channel("d", Domain::kDram, "cpu0")};
    ChannelEnergy unknown;
    unknown.reason = "counter reset";
    unknown.energy_low = joules(1);
    const std::vector<ChannelEnergy> energies{known(97, 100, 104), unknown};
    const EnergyTotal total = total_energy(channels, energies, choose_channels(channels));
    EXPECT_FALSE(total.energy.has_value());
    EXPECT_FALSE(total.provenance.has_value());
    EXPECT_EQ(total.reason, "d: counter reset");
    EXPECT_DOUBLE_EQ(total.energy_low.value().as_joules(), 98);
    EXPECT_FALSE(total.energy_high.has_value());
}

TEST(TotalEnergy, NoChannelIsNotZero) {
    const EnergyTotal total = total_energy({}, {}, choose_channels({}));
    EXPECT_FALSE(total.energy.has_value());
    EXPECT_EQ(total.reason, "no channel");
}

TEST(SummarizeEnergy, ShowsEveryChannelAndMixedProvenance) {
    std::vector<ChannelSpec> channels{channel("p", Domain::kPackage, "cpu0"),
                                      channel("m", Domain::kDram, "ram"),
                                      channel("c", Domain::kCore, "cpu0")};
    channels[1].provenance = Provenance::kModelled;
    channels[1].reason = "no memory sensor was found";
    const std::vector<ChannelEnergy> energies{
        known(97, 100, 104), known(20, 50, 80, Provenance::kModelled), known(60, 61, 62)};
    const EnergySummary summary = summarize_energy(channels, energies);
    EXPECT_DOUBLE_EQ(summary.energy.value().as_joules(), 150);
    EXPECT_EQ(summary.provenance, "mixed");
    ASSERT_EQ(summary.components.size(), 3U);
    EXPECT_EQ(summary.components[0].component, "cpu");
    EXPECT_EQ(summary.components[1].reason, "no memory sensor was found");
    EXPECT_EQ(summary.components[2].component, "other");
    EXPECT_FALSE(summary.components[2].counted);
    EXPECT_THAT(summary.components[2].reason.value(), HasSubstr("inside package p"));
}

}  // namespace
}  // namespace finewatt
