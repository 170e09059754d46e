// Which tokens of single texts decide?

import { Cases } from "../../views/Cases";
import type { View } from "..";
import { Text } from "./_tokens";

const Texts: View = ({ table }) => (
  <Cases table={table} of={(example) => <Text table={table} example={example} />} />
);

export default Texts;
