// Physical quantities as types. Construction and reading always name the unit; nothing converts
// to or from a plain number by itself. What is not declared here does not compile: no energy plus
// power, no product of two energies.
//
//   Joules e = kwh(1.2) + joules(5);
//   double x = e.as_kwh();
//   GramsCo2e g = e * grams_per_kwh(474.5);
#pragma once

#include <chrono>
#include <compare>

namespace finewatt {

/// One kilowatt-hour in joules, exact by definition (1000 W x 3600 s).
inline constexpr double kJoulesPerKwh = 3'600'000.0;

/// A double that knows what it measures. Same size as a double, no overhead. Value type.
template <class Tag>
class Quantity {
  public:
    constexpr Quantity() = default;

    friend constexpr auto operator<=>(Quantity, Quantity) = default;

    friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.v_ + b.v_); }

    friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.v_ - b.v_); }

    friend constexpr Quantity operator*(Quantity a, double k) { return Quantity(a.v_ * k); }

    friend constexpr Quantity operator*(double k, Quantity a) { return Quantity(a.v_ * k); }

    friend constexpr Quantity operator/(Quantity a, double k) { return Quantity(a.v_ / k); }

    friend constexpr double operator/(Quantity a, Quantity b) { return a.v_ / b.v_; }

    constexpr Quantity& operator+=(Quantity b) {
        v_ += b.v_;
        return *this;
    }

    constexpr Quantity& operator-=(Quantity b) {
        v_ -= b.v_;
        return *this;
    }

    // Readers, each for one kind of quantity. Stored units: J, W, g, g/kWh.
    constexpr double as_joules() const requires Tag::is_energy { return v_; }

    constexpr double as_kwh() const requires Tag::is_energy { return v_ / kJoulesPerKwh; }

    constexpr double as_watts() const requires Tag::is_power { return v_; }

    constexpr double as_grams() const requires Tag::is_mass { return v_; }

    constexpr double as_kilograms() const requires Tag::is_mass { return v_ / 1000.0; }

    constexpr double as_grams_per_kwh() const requires Tag::is_intensity { return v_; }

    /// Make from the stored unit; use the named functions below instead.
    static constexpr Quantity from_stored(double v) { return Quantity(v); }

  private:
    explicit constexpr Quantity(double v) : v_(v) {}

    double v_ = 0;
};

struct UnitTag {
    static constexpr bool is_energy = false;
    static constexpr bool is_power = false;
    static constexpr bool is_mass = false;
    static constexpr bool is_intensity = false;
};

struct EnergyTag : UnitTag {
    static constexpr bool is_energy = true;
};

struct PowerTag : UnitTag {
    static constexpr bool is_power = true;
};

struct MassTag : UnitTag {
    static constexpr bool is_mass = true;
};

struct IntensityTag : UnitTag {
    static constexpr bool is_intensity = true;
};

using Joules = Quantity<EnergyTag>;
using Watts = Quantity<PowerTag>;
/// Grams of CO2 or of CO2-equivalent; which of the two is the basis stored beside the figure.
using GramsCo2e = Quantity<MassTag>;
/// Grams per kWh.
using CarbonIntensity = Quantity<IntensityTag>;

constexpr Joules joules(double j) {
    return Joules::from_stored(j);
}

constexpr Joules kwh(double k) {
    return Joules::from_stored(k * kJoulesPerKwh);
}

constexpr Watts watts(double w) {
    return Watts::from_stored(w);
}

constexpr GramsCo2e grams(double g) {
    return GramsCo2e::from_stored(g);
}

constexpr CarbonIntensity grams_per_kwh(double g) {
    return CarbonIntensity::from_stored(g);
}

/// Pounds per megawatt-hour, as eGRID prints rates. 1 lb = 0.45359237 kg exactly (international
/// pound, 1959), so 1 lb/MWh = 0.45359237 g/kWh.
constexpr CarbonIntensity pounds_per_mwh(double lb) {
    return CarbonIntensity::from_stored(lb * 0.45359237);
}

/// Energy of a constant power over a duration.
constexpr Joules operator*(Watts p, std::chrono::nanoseconds d) {
    return joules(p.as_watts() * static_cast<double>(d.count()) * 1e-9);
}

constexpr Joules operator*(std::chrono::nanoseconds d, Watts p) {
    return p * d;
}

/// Mean power of an energy over a duration (which must not be zero).
constexpr Watts operator/(Joules e, std::chrono::nanoseconds d) {
    return watts(e.as_joules() / (static_cast<double>(d.count()) * 1e-9));
}

constexpr GramsCo2e operator*(Joules e, CarbonIntensity i) {
    return grams(e.as_kwh() * i.as_grams_per_kwh());
}

constexpr GramsCo2e operator*(CarbonIntensity i, Joules e) {
    return e * i;
}

}  // namespace finewatt
