// What an amount of emissions, or of energy, is like: miles by car, smartphone charges, fine-tuning
// runs of a named task.
//
// Main type: Equivalent. Main functions: equivalents_of, fine_tuning_runs_of. The coefficients are
// part of the program (data/equivalents, whose SOURCE.md says where they come from) and change with
// the edition, so each figure carries its own. Not for carbon factors of electricity (carbon.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/units/quantity.h"

#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// One comparison. `value` is a count of `unit`, hence no quantity.
struct Equivalent {
    std::string name;     ///< "miles by an average gasoline car"
    double value = 0;     ///< how many of `unit`
    std::string unit;     ///< "mile"
    std::string edition;  ///< "EPA 2024"; the coefficient of another edition differs
    std::string source;   ///< grams per unit, and who published them
};

/// Which comparisons to make.
struct EquivalentOptions {
    /// "EPA 2022" (any case, also "epa2022" or "2022"), "EEA 2020", "paper"; nothing = of each
    /// comparison its newest edition.
    std::optional<std::string> edition{};
};

/// Return what the emissions are like, one entry per comparison that the edition has: EPA's, the
/// kilometres of an average new car in the EU, and fine-tuning runs of the paper's tasks. Zero
/// emissions give zeros. Errors: invalid argument for emissions that are negative or not finite;
/// not found for an edition that is not in the table, listing those there are.
Result<std::vector<Equivalent>> equivalents_of(GramsCo2e emissions,
                                               const EquivalentOptions& options = {});

/// Return how many fine-tuning runs of BERT-base the energy is worth, one entry for each task that
/// the paper published an energy for (one GPU). Independent of any carbon factor. Error: invalid
/// argument for an energy that is negative or not finite.
Result<std::vector<Equivalent>> fine_tuning_runs_of(Joules energy);

/// Return the names of all editions, oldest first within a publisher. Error: corrupt (a bug in the
/// shipped table).
Result<std::vector<std::string>> equivalents_editions();

}  // namespace finewatt
