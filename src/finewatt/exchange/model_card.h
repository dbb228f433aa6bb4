// The block co2_eq_emissions of a Hugging Face model card, alone or within a card that exists.
//
// Main functions: model_card_block, update_model_card. Source: Hugging Face Hub documentation,
// "Displaying carbon emissions for your model" (model-cards-co2): emissions are in grams.
// Not for reading cards: some hold kilograms by mistake, and none says so.
#pragma once

#include "finewatt/exchange/formats.h"

#include <string>
#include <string_view>

namespace finewatt {

/// Return the lines "co2_eq_emissions:" and what belongs to it, as YAML. Errors: invalid argument
/// when the run's emissions are unknown (the message says why and how to set the place), or when
/// the run is an inference and `facts.training_type` does not say otherwise.
Result<std::string> model_card_block(const RunRecord& run, const ExtraFacts& facts);

/// Return the text of a card's README.md with that block in its front matter. An old block is
/// replaced where it stands; every other byte stays as it is. A text without front matter gets one.
/// Errors: those of model_card_block; corrupt where the front matter is not closed, or where the
/// old block is written in a way that cannot be replaced safely (the message says what to change).
Result<std::string> update_model_card(std::string_view readme, const RunRecord& run,
                                      const ExtraFacts& facts);

}  // namespace finewatt
